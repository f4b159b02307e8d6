// SPDX-License-Identifier: Apache-2.0
// Waiver files: YAML to typed waivers, every mistake named at its place. Pure but for reading the
// files; any thread.
#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/waive/waiver.h"

namespace hypervet::waive {

// The waivers of all files, in order. An error holds every problem of every file. A waiver that an
// earlier one makes superfluous is a problem too, whichever file it stands in.
std::expected<std::vector<Waiver>, spec::Diagnostics> load(
    std::span<const std::filesystem::path> paths);

// The same for one text; `name` stands in messages.
std::expected<std::vector<Waiver>, spec::Diagnostics> load_text(std::string_view text,
                                                                const std::string& name);

}  // namespace hypervet::waive
