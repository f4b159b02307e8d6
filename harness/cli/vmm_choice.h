// SPDX-License-Identifier: Apache-2.0
// The options by which a verb uses an external VMM: --backend vmm:RECIPE and what goes with it.
// Main thread only.
#pragma once

#include <memory>
#include <string_view>

#include "backends/backend.h"
#include "harness/cli/application.h"

namespace hypervet::cli {

inline constexpr std::string_view kVmmPrefix = "vmm:";

// Finds and reads the recipe: one of hypervet's own by name, any other by its path. Throws
// Exit{kUsage} for one that there is not or that is wrong, and for an option that it does not have.
std::unique_ptr<backends::Backend> make_vmm(const Application& application,
                                            const BackendChoice& choice);

}  // namespace hypervet::cli
