// SPDX-License-Identifier: Apache-2.0
// The first file system of a lab's kernel: busybox, an init, modules, and hypervet itself laid out
// as if it were installed. Inside:
//
//   /init                                 the text given
//   /bin/busybox and links to it          one for each applet
//   /m/NAME.ko, /m/order                  modules, unpacked; their names in the order of loading
//   /usr/bin/hypervet, its libraries      the libraries and their loader at their own paths
//   /usr/share/hypervet/{specs,payloads}  where the installed hypervet looks for them
//   /dev/{console,null}                   before devtmpfs is mounted
//   /proc /sys /dev /tmp /job             empty folders
//
// Nothing of the job is in it, so that one booted snapshot serves many. Functions without state;
// any thread. All errors are one line that names the file.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/lab/modules.h"

namespace hypervet::lab {

// Names that busybox is to be found by; those an init will need.
std::vector<std::string> default_applets();

struct InitramfsParts {
  std::string init;               // the text of /init, with its #! line
  std::filesystem::path busybox;  // a static one
  std::vector<std::string> applets = default_applets();
  std::vector<Module> modules = {};  // in the order of loading
  std::filesystem::path binary = "/proc/self/exe";
  std::vector<std::filesystem::path> libraries = {};  // own_libraries(), for /proc/self/exe
  std::filesystem::path specs;                        // folders: all but hidden files
  std::filesystem::path payloads;
};

// The shared libraries that this process has loaded, and the loader; absolute paths, sorted. None
// for a static program. Does not see what is loaded later.
std::vector<std::filesystem::path> own_libraries();

// Writes the archive, uncompressed (what a kernel need not unpack is there sooner). Equal parts
// give equal bytes. The file appears complete or not at all.
std::expected<void, std::string> write_initramfs(const std::filesystem::path& out,
                                                 const InitramfsParts& parts);

// 32 hexadecimal digits that change whenever the archive would, without making it: bytes of small
// files, size and time of large ones.
std::expected<std::string, std::string> fingerprint(const InitramfsParts& parts);

}  // namespace hypervet::lab
