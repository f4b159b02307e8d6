// SPDX-License-Identifier: Apache-2.0
// Scenarios: compiled guest code for what needs more than ops. Names, arguments and results stand
// in protocol/scenarios.h; each has a file here.
#pragma once

#include <cstdint>

#include "guest-payloads/agent/execute.h"
#include "guest-payloads/protocol/scenarios.h"

namespace hypervet::guest {

// One scenario under way, on the CPU that met the op, interrupts off.
class Scenario {
 public:
  explicit Scenario(OpRun& op_run) : run_(op_run) {}

  std::uint64_t arguments[5];

  // If the memory cannot be read, answers with the fault and returns false; the scenario returns
  // then.
  bool needs(std::uint64_t address, std::uint64_t size) {
    return require_readable(run_, address, size);
  }
  // The answer, once, at the end.
  template <unsigned kCount>
  void answer(const std::uint64_t (&values)[kCount]) {
    static_assert(kCount <= protocol::kMaxScenarioValues);
    run_.values(values, kCount);
  }

 private:
  OpRun& run_;
};

void clock_monotonic(Scenario& scenario);
void clock_across_cpus(Scenario& scenario);
void pv_eoi_count(Scenario& scenario);
void watch_version(Scenario& scenario);

inline void run_scenario(protocol::ScenarioId id, Scenario& scenario) {
  using protocol::ScenarioId;
  switch (id) {
    case ScenarioId::kClockMonotonic:
      return clock_monotonic(scenario);
    case ScenarioId::kClockAcrossCpus:
      return clock_across_cpus(scenario);
    case ScenarioId::kPvEoiCount:
      return pv_eoi_count(scenario);
    case ScenarioId::kWatchVersion:
      return watch_version(scenario);
    case ScenarioId::kNone:
      return;  // refused by the program check
  }
}

}  // namespace hypervet::guest
