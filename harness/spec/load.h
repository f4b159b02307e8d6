// SPDX-License-Identifier: Apache-2.0
// Reads spec files. Every problem of every file is reported, not only the first; a file with a
// problem yields nothing. Bounded: file size, nesting depth, number of nodes and alias expansion
// have limits (see load.cc).
#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/clause.h"

namespace hypervet::spec {

// `paths`: files, or folders whose *.yaml are read in path order.
std::expected<Specs, Diagnostics> load(std::span<const std::filesystem::path> paths);

// One text, as if read from a file of that name. For tests and fuzzing.
std::expected<Specs, Diagnostics> load_text(std::string_view text, const std::string& name);

}  // namespace hypervet::spec
