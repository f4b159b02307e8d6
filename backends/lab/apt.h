// SPDX-License-Identifier: Apache-2.0
// The little of apt that a lab needs: which packages there are, and fetching one. Needs no rights
// and installs nothing. Functions without state; any thread (see child.h). All errors are one line.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backends/lab/progress.h"

namespace hypervet::lab::apt {

struct Candidate {
  std::string name;
  std::string version;
  std::uint64_t size = 0;  // bytes to download
};

// Whether a name matches the glob and is not one of the packages that come with a kernel: unsigned
// images and debug symbols, unless the glob itself ends like that.
bool matches(std::string_view glob, std::string_view name);

// The highest version among the packages that match.
std::expected<Candidate, std::string> newest(std::string_view glob, const Progress& progress);

// Downloads a package and unpacks it into `folder`, which must be empty; apt checks what it gets.
std::expected<void, std::string> unpack(const Candidate& candidate,
                                        const std::filesystem::path& folder,
                                        const Progress& progress);

// Changes when apt may have other answers than before.
std::string state();

}  // namespace hypervet::lab::apt
