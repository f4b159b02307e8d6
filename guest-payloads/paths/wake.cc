// SPDX-License-Identifier: Apache-2.0
// CPU 0 hands a number to CPU 1 and waits until CPU 1 has handed it back. CPU 1 sleeps in between
// and is woken by KVM_HC_KICK_CPU or by an IPI, or it spins.
#include "guest-payloads/paths/team.h"
#include "guest-payloads/runtime/apic.h"

namespace hypervet::guest {

using protocol::PathLoop;

namespace {

constexpr std::uint64_t kKickCpu = 5;  // KVM_HC_KICK_CPU
constexpr std::uint32_t kTwo = 2;      // CPUs that take part

std::uint64_t wanted, answered;

std::uint64_t look(const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
void put(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

// A kick that comes before the HLT makes it end at once, so none is lost; one that comes late only
// makes another round.
void sleep_for_kick(void*, std::uint32_t) {
  Team::arrived();
  while (!Team::stopping()) {
    halt();
    put(answered, look(wanted));
  }
}

void sleep_for_interrupt(void*, std::uint32_t) {
  Team::arrived();
  while (!Team::stopping()) {
    if (look(wanted) == answered) interrupts_on_and_halt();
    interrupts_off();
    put(answered, look(wanted));
  }
}

void spin(void*, std::uint32_t) {
  Team::arrived();
  while (!Team::stopping()) {
    const std::uint64_t now = look(wanted);
    if (now == answered) {
      pause();
      bump_progress();  // as in ipi.cc
    } else {
      put(answered, now);
    }
  }
}

void take(void*) { end_of_interrupt(); }

}  // namespace

void wake_path(PathRun& path) {
  const bool vmmcall = native_is_vmmcall();
  const Hypercall kick{kKickCpu, 0, cpus[1]->apic_id, 0, 0};
  if (path.loop() == PathLoop::kWakeKick) {
    Guard guard;
    if (!hypercalls_work(guard)) return path.faulted(guard);
  }
  const auto wake = [&] {
    if (path.loop() == PathLoop::kWakeKick) hypercall(kick, vmmcall);
    if (path.loop() == PathLoop::kWakeIpi) send_icr(kIcrAssert | kPathVector, cpus[1]->apic_id);
  };
  put(wanted, 0);
  put(answered, 0);
  const NativeHandler handler(kPathVector, take, nullptr);
  bool all = Team::start(kTwo,
                         path.loop() == PathLoop::kWakeKick  ? sleep_for_kick
                         : path.loop() == PathLoop::kWakeIpi ? sleep_for_interrupt
                                                             : spin,
                         nullptr);
  std::uint64_t rounds = 0;
  all = all && path.time([&] {
    put(wanted, ++rounds);
    wake();
    return soon([&] { return look(answered) == rounds; });
  });
  path.sum = look(answered);
  Team::stop();
  wake();
  all = Team::gone(kTwo) && all;
  all ? path.done() : path.failed(protocol::MeasureStatus::kLost);
}

}  // namespace hypervet::guest
