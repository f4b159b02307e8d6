// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/identity.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace hypervet::kvm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "kvm_";

// Built-in modules have a folder in /sys/module, loaded ones a line in /proc/modules as well.
std::set<std::string> present_modules(const fs::path& root) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "sys/module", ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kPrefix)) names.insert(name);
  }
  std::ifstream modules(root / "proc/modules");
  for (std::string line; std::getline(modules, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (name.starts_with(kPrefix)) names.insert(name);
  }
  return names;
}

bool processor_has(const fs::path& root, std::string_view flag) {
  std::ifstream info(root / "proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == flag) return true;
    }
    return false;
  }
  return false;
}

}  // namespace

std::string vendor_module(const fs::path& root) {
  std::set<std::string> names = present_modules(root);
  // A distribution's kernel may carry several; only that for this processor can be at work.
  if (names.size() > 1 && !processor_has(root, "vmx")) names.erase("kvm_intel");
  if (names.size() > 1 && !processor_has(root, "svm")) names.erase("kvm_amd");
  return names.size() == 1 ? *names.begin() : "kvm";
}

std::string target_name() {
  utsname system{};
  const bool known = uname(&system) == 0;
  return fmt::format("{} {} {}", known ? system.sysname : "Linux", known ? system.release : "?",
                     vendor_module("/"));
}

backends::Availability explain(const fs::path& device, const Error& error) {
  const std::string name = device.string();
  switch (error.number) {
    case ENOENT:
      return {
          false, name + " does not exist: no KVM module is loaded",
          "modprobe kvm_intel or kvm_amd (nested virtualisation must be on inside a VM), or use "
          "--lab kvm-amd"};
    case EACCES:
    case EPERM:
      return {false, "no permission to open " + name,
              "usermod -aG kvm $USER, then log in again; in a container pass --device " + name};
    case ENODEV:
    case ENXIO:
      return {false, fmt::format("{} has no driver behind it ({})", name, error.what),
              "turn virtualisation on in the firmware and load kvm_intel or kvm_amd, or use --lab "
              "kvm-amd"};
    case EBUSY:
      return {false, fmt::format("{} is in use by another hypervisor ({})", name, error.what),
              "stop the other hypervisor (VirtualBox, VMware) or unload its module"};
    default:
      return {false, fmt::format("{} is of no use: {}", name, error.what),
              "name another device, or use --lab kvm-amd"};
  }
}

}  // namespace hypervet::kvm
