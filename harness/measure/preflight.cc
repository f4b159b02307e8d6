// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/preflight.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace hypervet::measure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnknown = "unknown";
// More runnable threads than this for each processor, and a measured one has to wait.
constexpr double kBusy = 0.5;

std::optional<std::string> first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

Circumstance governor(const fs::path& root) {
  const auto state = first_line(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  Circumstance found{"governor", state.value_or(std::string(kUnknown)), ""};
  if (state && *state != "performance")
    found.bad = "the frequency follows the load: set the governor performance";
  return found;
}

Circumstance turbo(const fs::path& root) {
  const auto cpu = root / "sys/devices/system/cpu";
  std::optional<bool> on;
  if (const auto boost = first_line(cpu / "cpufreq/boost")) on = *boost == "1";
  if (const auto none = first_line(cpu / "intel_pstate/no_turbo")) on = *none == "0";
  if (!on) return {"turbo", std::string(kUnknown), ""};
  return {"turbo", *on ? "on" : "off",
          *on ? "the frequency depends on heat and neighbours: turn turbo off" : ""};
}

Circumstance smt(const fs::path& root) {
  const auto active = first_line(root / "sys/devices/system/cpu/smt/active");
  if (!active) return {"SMT", std::string(kUnknown), ""};
  const bool on = *active == "1";
  return {"SMT", on ? "on" : "off", on ? "a sibling thread shares the core's units" : ""};
}

Circumstance pinning() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {"pinning", std::string(kUnknown), ""};
  const auto online = ::sysconf(_SC_NPROCESSORS_ONLN);
  const int allowed = CPU_COUNT(&set);
  return {"pinning", fmt::format("{} of {} processors", allowed, online),
          online > 1 && allowed == online ? "threads wander: start under taskset" : ""};
}

Circumstance time_stamp_counter(const fs::path& root) {
  std::ifstream in(root / "proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    bool constant = false;
    bool nonstop = false;
    for (std::string word; words >> word;) {
      constant |= word == "constant_tsc";
      nonstop |= word == "nonstop_tsc";
    }
    if (constant && nonstop) return {"TSC", "invariant", ""};
    return {"TSC", "not invariant", "its rate changes, so ticks are no times"};
  }
  return {"TSC", std::string(kUnknown), ""};
}

Circumstance mitigations(const fs::path& root) {
  std::error_code error;
  std::size_t known = 0;
  std::size_t active = 0;
  for (const auto& entry :
       fs::directory_iterator(root / "sys/devices/system/cpu/vulnerabilities", error)) {
    const auto state = first_line(entry.path());
    if (!state) continue;
    ++known;
    active += state->starts_with("Mitigation");
  }
  if (known == 0) return {"mitigations", std::string(kUnknown), ""};
  // Part of what is measured, not noise.
  return {"mitigations", fmt::format("{} of {} active", active, known), ""};
}

Circumstance load(const fs::path& root) {
  const auto line = first_line(root / "proc/loadavg");
  if (!line) return {"load", std::string(kUnknown), ""};
  const double average = std::strtod(line->c_str(), nullptr);
  const auto processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return {"load", fmt::format("{:.2f} on {} processors", average, processors),
          average > kBusy * static_cast<double>(processors) ? "other work is going on" : ""};
}

}  // namespace

std::vector<Circumstance> preflight(const fs::path& root) {
  return {governor(root),           turbo(root),       smt(root), pinning(),
          time_stamp_counter(root), mitigations(root), load(root)};
}

}  // namespace hypervet::measure
