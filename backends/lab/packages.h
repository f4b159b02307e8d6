// SPDX-License-Identifier: Apache-2.0
// Debian packages, unpacked into a cache and never installed: found and fetched by apt at run time,
// since the names of kernels change with every security update.
//
// In the cache: packages/NAME_VERSION/ (a package's files), packages/resolved/GLOB (what apt said,
// and of which state of its lists), packages/.lock. Several threads and processes may use one cache
// at the same time; each folder appears complete or not at all.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "backends/lab/progress.h"

namespace hypervet::lab {

struct Package {
  std::string name;     // linux-image-6.12.117+deb12-cloud-amd64
  std::string version;  // 6.12.117-1~deb12u1
  std::filesystem::path folder;
};

// The highest version of the packages whose name matches the glob (fnmatch(3)), unsigned kernels
// and debug symbols left out unless the glob says so. apt is asked again when its lists or sources
// have changed (one stat each) or after a day; until then a call neither starts a program nor uses
// the network. If apt cannot tell or cannot download, the highest version in the cache does, and
// `progress` says so and the
// next try comes after an hour. apt's lists are never refreshed: that is for whoever owns the
// machine.
//
// Errors, one line each: not a glob of package names, apt is missing, it knows no such package, a
// download or the unpacking failed, the cache cannot be written, interrupted.
std::expected<Package, std::string> unpacked_package(std::string_view glob,
                                                     const std::filesystem::path& cache,
                                                     const Progress& progress = {});

}  // namespace hypervet::lab
