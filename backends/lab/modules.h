// SPDX-License-Identifier: Apache-2.0
// A kernel's loadable modules and the order in which they can be loaded. Packages of Debian bring
// no modules.dep, so dependencies are read from the modules themselves. Every module's file is
// taken for hostile. Functions without state; any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::lab {

// A name as `lsmod` says it, with underscores; a file .ko, .ko.xz, .ko.gz or .ko.zst.
struct Module {
  std::string name;
  std::filesystem::path file;

  bool operator==(const Module&) const = default;
};

struct WantedModule {
  std::string name;      // "-" and "_" mean the same
  bool required = true;  // false: not an error when the kernel has it neither as a module nor
                         // built in
};

// The wanted modules and all that they depend on, each once, in the order of loading. Those that
// modules.builtin names are left out. An empty folder name means a kernel without modules: all are
// taken for built in. Soft dependencies are not followed. `memo` is a folder of memo.h's, where
// what a module needs is kept from run to run, as kvm.ko takes a tenth of a second to unpack;
// empty: nothing is kept. Errors, one line each: "no module kvm_amd in FOLDER, nor is it built in",
// a file that is no module, modules that need each other.
std::expected<std::vector<Module>, std::string> load_order(const std::filesystem::path& folder,
                                                           std::span<const WantedModule> wanted,
                                                           const std::filesystem::path& memo = {});

// The module's file, unpacked. The error is one line with the path.
std::expected<std::vector<std::byte>, std::string> read_module(const std::filesystem::path& file);

// The release of the kernel that the modules in a folder are made for. The error is one line with
// the path: no folder of modules, a file that is no module.
std::expected<std::string, std::string> modules_release(const std::filesystem::path& folder);

struct ModuleInfo {
  std::vector<std::string> depends;  // names with underscores
  std::string release;               // first word of vermagic; may be empty
};

// Reads the .modinfo section of an unpacked module. The error is one line without the file's name.
std::expected<ModuleInfo, std::string> parse_module(std::span<const std::byte> file);

}  // namespace hypervet::lab
