// SPDX-License-Identifier: Apache-2.0
// Ops that steer: other CPUs, the host, repetition, scenarios.
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/agent/jobs.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/scenarios/scenario.h"

namespace hypervet::guest {

void on_cpu_op(OpRun& run) {
  hand_over_ops(*cpus[run.operand(0)], run.index() + 1, run.op().block);
  run.done();
}

void join_op(OpRun& run) {
  const Deadline clock(0);
  const bool reached = wait_until_idle(*cpus[run.operand(0)], run.operand(1));
  const std::uint64_t answer[] = {reached, clock.elapsed()};
  run.values(answer, 2);
}

void host_op(OpRun& run) {
  const std::uint64_t arguments[4] = {run.operand(1), run.operand(2), run.operand(3), 0};
  const HostAnswer host =
      ask_host(run.stamp(), static_cast<std::uint32_t>(run.operand(0)), arguments);
  run.keep(host.result);
  const std::uint64_t answer[] = {host.status, host.result};
  run.values(answer, 2);
}

void scenario_op(OpRun& run) {
  Scenario scenario(run);
  for (unsigned i = 0; i < 5; ++i) scenario.arguments[i] = run.operand(1 + i);
  run_scenario(static_cast<protocol::ScenarioId>(run.operand(0)), scenario);
}

void repeat_op(OpRun& run) {
  const std::uint64_t count = run.operand(0);
  const std::uint32_t first = run.index() + 1;
  for (std::uint64_t i = 0; i < count && !__atomic_load_n(&program.ended, __ATOMIC_RELAXED); ++i)
    run_range(first, first + run.op().block);
  resume_op(run.index());
  run.done();
}

}  // namespace hypervet::guest
