// SPDX-License-Identifier: Apache-2.0
// Scenarios: compiled guest code for what needs more than ops. Freestanding; included by both
// sides, and the one table of scenario names, arguments and results. The code is in
// guest-payloads/scenarios, a file each.
#pragma once

#include <cstdint>
#include <string_view>

namespace hypervet::protocol {

enum class ScenarioId : std::uint32_t {
  kNone = 0,
  kClockMonotonic = 1,
  kClockAcrossCpus = 2,
  kPvEoiCount = 3,
  kWatchVersion = 4,
};

inline constexpr unsigned kMaxScenarioValues = 8;

struct ScenarioEntry {
  ScenarioId id;
  std::string_view name;
  std::string_view arguments[5];                 // names in order; empty: none further
  std::string_view results[kMaxScenarioValues];  // names of the values in order
  std::string_view what;
};

inline constexpr ScenarioEntry kScenarios[] = {
    {ScenarioId::kClockMonotonic,
     "clock-monotonic",
     {"area", "reads"},
     {"reads", "torn", "backwards", "worst", "first", "last"},
     "reads the kvmclock at area (pvclock_vcpu_time_info) that often; torn counts odd or changing "
     "versions, backwards the "
     "readings below their predecessor, worst the largest step back in ns"},
    {ScenarioId::kClockAcrossCpus,
     "clock-across-cpus",
     {"areas", "stride", "reads"},
     {"reads", "backwards", "worst"},
     "every CPU reads its own kvmclock (areas + stride * cpu) in turn, each after the other's "
     "reading is published"},
    {ScenarioId::kPvEoiCount,
     "pv-eoi-count",
     {"word", "vector", "times"},
     {"taken", "bit-set", "skipped", "apic-eois", "other-bits", "in-service-after"},
     "sends itself the vector that often and ends each interrupt by clearing bit 0 of word if set, "
     "else by an APIC EOI; "
     "other-bits counts entries where a bit of word other than bit 0 had changed"},
    {ScenarioId::kWatchVersion,
     "watch-version",
     {"version", "duration"},
     {"looks", "odd", "changes", "backwards"},
     "looks at the 32-bit version at that address for that many ns; odd counts looks that saw an "
     "odd one"},
};

}  // namespace hypervet::protocol
