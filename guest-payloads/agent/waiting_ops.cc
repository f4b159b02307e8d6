// SPDX-License-Identifier: Apache-2.0
// Ops that wait: the only ones in which interrupts are taken (but for instruction ops with
// kInterruptsOn).
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

using protocol::AwaitRelation;

namespace {

bool holds(AwaitRelation relation, std::uint64_t seen, std::uint64_t wanted) {
  switch (relation) {
    case AwaitRelation::kEqual:
      return seen == wanted;
    case AwaitRelation::kNotEqual:
      return seen != wanted;
    case AwaitRelation::kAtLeast:
      return seen >= wanted;
  }
  return false;
}

}  // namespace

void halt_op(OpRun& run) {
  const Deadline clock(0);
  if ((run.op().flags & protocol::kInterruptsOn) != 0) {
    interrupts_on_and_halt();
    interrupts_off();
  } else {
    halt();
  }
  bump_progress();
  run.waited(true, clock.elapsed(), 0);
}

void settle_op(OpRun& run) {
  const Deadline deadline(run.operand(0));
  sit_out(deadline);
  run.waited(true, deadline.elapsed(), 0);
}

void await_memory_op(OpRun& run) {
  const std::uint64_t address = run.operand(0), mask = run.operand(1), wanted = run.operand(2);
  const unsigned width = run.op().width;
  const auto relation = static_cast<AwaitRelation>(run.op().variant);
  const Deadline deadline(run.operand(3));
  std::uint64_t seen = 0;
  for (;;) {
    bool faulted = false;
    const bool ended = spin_until(deadline, [&] {
      faulted = !probe(address, width, seen);
      return faulted || holds(relation, seen & mask, wanted);
    });
    if (!faulted) return run.waited(ended, deadline.elapsed(), seen);
    Guard guard;  // once more, to report the fault; unless it was a passing one
    if (!guarded_load(guard, width, address)) return run.executed(guard);
  }
}

void await_interrupts_op(OpRun& run) {
  const std::uint64_t vector = run.operand(0), count = run.operand(1);
  const Cpu& cpu = *cpus[run.operand(2)];
  const Deadline deadline(run.operand(3));
  std::uint64_t taken = 0;
  const bool reached = spin_until(deadline, [&] {
    taken = __atomic_load_n(&cpu.counts[vector], __ATOMIC_ACQUIRE);
    return taken >= count;
  });
  run.waited(reached, deadline.elapsed(), taken);
}

}  // namespace hypervet::guest
