// SPDX-License-Identifier: Apache-2.0
// Where and with what a run was made: the facts that let somebody repeat it. Reads /proc and /sys;
// any thread.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace hypervet::run {

struct Host {
  std::string cpu;          // model name, or "unknown"
  std::string kernel;       // uname -sr
  std::string mitigations;  // one line, "name: state; ..."; "unknown" where the kernel does not say
};
Host host();

std::string now_utc();  // ISO 8601, seconds

// FNV-1a over the file's bytes, as 16 hexadecimal digits.
std::expected<std::string, std::string> hash_file(const std::filesystem::path& path);

}  // namespace hypervet::run
