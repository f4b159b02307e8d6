// SPDX-License-Identifier: Apache-2.0
// The CPUs read their own kvmclocks in turn. A reading is published before the next CPU takes its
// own, so a smaller one is time running backwards between CPUs.
#include "guest-payloads/agent/jobs.h"
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/scenarios/pvclock.h"
#include "guest-payloads/scenarios/scenario.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kPatience =
    2'000'000'000;  // without any turn: a CPU is lost or its clock is never whole

struct Relay {
  std::uint64_t areas, stride, wanted;
  std::uint32_t runners;
  std::uint64_t
      turn;  // readings made; CPU turn % runners is next. Its owner alone writes what follows.
  std::uint64_t backwards, worst, last;
  std::uint32_t stop;
};

std::uint64_t turn_of(const Relay& relay) { return __atomic_load_n(&relay.turn, __ATOMIC_ACQUIRE); }
bool over(const Relay& relay) {
  return turn_of(relay) >= relay.wanted || __atomic_load_n(&relay.stop, __ATOMIC_ACQUIRE) != 0;
}

void take_turn(Relay& relay, std::uint32_t cpu) {
  const PvclockReading reading = read_pvclock(relay.areas + relay.stride * cpu);
  if (!reading.whole) {
    __atomic_store_n(&relay.stop, 1, __ATOMIC_RELEASE);
    return;
  }
  if (reading.time < relay.last) {
    ++relay.backwards;
    const std::uint64_t step = relay.last - reading.time;
    if (step > relay.worst) relay.worst = step;
  }
  relay.last = reading.time;
  __atomic_store_n(&relay.turn, relay.turn + 1, __ATOMIC_RELEASE);
}

void run_relay(void* argument, std::uint32_t cpu) {
  Relay& relay = *static_cast<Relay*>(argument);
  while (!over(relay)) {
    const std::uint64_t turn = turn_of(relay);
    if (turn < relay.wanted && turn % relay.runners == cpu) {
      take_turn(relay, cpu);
      continue;
    }
    const Deadline patience(kPatience);
    while (turn_of(relay) == turn && !over(relay)) {
      pause();
      bump_progress();
      if (patience.passed()) __atomic_store_n(&relay.stop, 1, __ATOMIC_RELEASE);
    }
  }
}

// One at a time, and not on a stack: a CPU that never comes back may still look at it.
Relay relay;

}  // namespace

void clock_across_cpus(Scenario& scenario) {
  const std::uint32_t runners = program.header->cpus;
  for (std::uint32_t i = 0; i < runners; ++i) {
    if (!scenario.needs(scenario.arguments[0] + scenario.arguments[1] * i, kPvclockSize)) return;
  }
  relay = {.areas = scenario.arguments[0],
           .stride = scenario.arguments[1],
           .wanted = scenario.arguments[2],
           .runners = runners,
           .turn = 0,
           .backwards = 0,
           .worst = 0,
           .last = 0,
           .stop = 0};
  const std::uint32_t self = this_cpu().index;
  for (std::uint32_t i = 0; i < runners; ++i) {
    if (i == self) continue;
    if (!wait_until_idle(*cpus[i], kPatience)) relay.stop = 1;
  }
  if (relay.stop == 0) {
    for (std::uint32_t i = 0; i < runners; ++i) {
      if (i != self) hand_over_function(*cpus[i], run_relay, &relay);
    }
    run_relay(&relay, self);
    for (std::uint32_t i = 0; i < runners; ++i) {
      if (i != self) wait_until_idle(*cpus[i], kPatience);
    }
  }
  scenario.answer({turn_of(relay), relay.backwards, relay.worst});
}

}  // namespace hypervet::guest
