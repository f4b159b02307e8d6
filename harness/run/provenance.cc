// SPDX-License-Identifier: Apache-2.0
#include "harness/run/provenance.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

namespace hypervet::run {
namespace {

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string mitigations() {
  std::error_code error;
  std::vector<std::string> states;
  for (const auto& entry :
       std::filesystem::directory_iterator("/sys/devices/system/cpu/vulnerabilities", error)) {
    std::ifstream in(entry.path());
    std::string state;
    if (std::getline(in, state)) states.push_back(entry.path().filename().string() + ": " + state);
  }
  std::ranges::sort(states);
  return states.empty() ? "unknown" : fmt::format("{}", fmt::join(states, "; "));
}

}  // namespace

Host host() {
  utsname names{};
  uname(&names);
  return {cpu_model(), fmt::format("{} {}", names.sysname, names.release), mitigations()};
}

std::string now_utc() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", now);
}

std::expected<std::string, std::string> hash_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::unexpected(fmt::format("{}: {}", path.string(), std::strerror(errno)));
  std::uint64_t hash = 0xcbf29ce484222325;
  char buffer[65536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    for (std::streamsize i = 0; i < in.gcount(); ++i) {
      hash = (hash ^ static_cast<unsigned char>(buffer[i])) * 0x100000001b3;
    }
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace hypervet::run
