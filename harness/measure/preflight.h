// SPDX-License-Identifier: Apache-2.0
// Is this machine fit to time things on? Reads /proc and /sys; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hypervet::measure {

struct Circumstance {
  std::string name;   // "governor"
  std::string state;  // "powersave"; "unknown" where the kernel does not say
  std::string bad;    // why figures suffer; empty: they do not
};

// Governor, turbo, SMT, pinning, time-stamp counter, mitigations, load. `root` has proc and sys.
// What the kernel does not tell is unknown, and not bad.
std::vector<Circumstance> preflight(const std::filesystem::path& root = "/");

}  // namespace hypervet::measure
