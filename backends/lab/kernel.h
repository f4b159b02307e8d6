// SPDX-License-Identifier: Apache-2.0
// The kernel that a lab boots: from a Debian package, or a file that somebody has built. Functions
// without state; any thread, any number of processes with the same cache.
//
// All errors are one line that names the file, folder or package.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "backends/lab/progress.h"

namespace hypervet::lab {

enum class BootMethod {
  kPvh,      // an ELF file, entered at its PVH note: saves the kernel's unpacking itself
  kBzImage,  // the classic way
};

struct Kernel {
  std::filesystem::path image;  // what to boot: the file named, or one in the cache
  BootMethod boot = BootMethod::kPvh;
  std::string release;             // as `uname -r` says it inside
  std::filesystem::path modules;   // .../lib/modules/RELEASE; empty: there is none
  std::filesystem::path original;  // the file that it comes from
  std::string why_bzimage;         // why not through PVH; empty if it is
};

// The highest version of the Debian packages whose name matches the glob; see packages.h.
std::expected<Kernel, std::string> kernel_from_package(std::string_view glob,
                                                       const std::filesystem::path& cache,
                                                       const Progress& progress = {});

// `modules` is lib/modules/RELEASE itself or a root folder that has it; it must belong to the
// kernel. Empty: this machine's /lib/modules/RELEASE if there is one, else none.
std::expected<Kernel, std::string> kernel_from_file(const std::filesystem::path& image,
                                                    const std::filesystem::path& modules,
                                                    const std::filesystem::path& cache,
                                                    const Progress& progress = {});

}  // namespace hypervet::lab
