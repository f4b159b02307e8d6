// SPDX-License-Identifier: Apache-2.0
// One vector to every other CPU, by KVM_HC_SEND_IPI, by one ICR write each, or by one for all;
// timed until the last of them has taken it. The others spin with interrupts on, so that nobody's
// waking up is timed.
#include "guest-payloads/paths/team.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

using protocol::PathLoop;

namespace {

constexpr std::uint64_t kSendIpi = 10;  // KVM_HC_SEND_IPI

std::uint64_t received;

void receive(void*) {
  end_of_interrupt();
  __atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
}

void spin(void*, std::uint32_t) {
  const InterruptWindow window;
  Team::arrived();
  while (!Team::stopping()) {
    pause();
    bump_progress();  // whoever watches need not hold the machine to see that this CPU runs
  }
}

// Bits of the others' APIC ids. The ids of at most kMaxCpus CPUs fit one word on every machine that
// numbers them densely; false: not on this one.
bool bitmap_of_others(std::uint32_t count, std::uint64_t& bits) {
  bits = 0;
  for (std::uint32_t i = 1; i < count; ++i) {
    if (cpus[i]->apic_id >= 64) return false;
    bits |= 1ull << cpus[i]->apic_id;
  }
  return true;
}

}  // namespace

void ipi_path(PathRun& path) {
  const std::uint32_t count = program.header->cpus;
  const std::uint64_t others = count - 1;
  const bool vmmcall = native_is_vmmcall();
  Hypercall call{kSendIpi, 0, 0, 0, kPathVector};
  if (path.loop() == PathLoop::kIpiHypercall) {
    Guard guard;
    if (!hypercalls_work(guard)) return path.faulted(guard);
    if (!bitmap_of_others(count, call.a0)) return path.failed(protocol::MeasureStatus::kLost);
  }
  received = 0;
  const NativeHandler handler(kPathVector, receive, nullptr);
  bool all = Team::start(count, spin, nullptr);
  std::uint64_t sent = 0;
  all = all && path.time([&] {
    ++sent;
    switch (path.loop()) {
      case PathLoop::kIpiHypercall:
        hypercall(call, vmmcall);
        break;
      case PathLoop::kIpiIcr:
        for (std::uint32_t i = 1; i < count; ++i) {
          send_icr(kIcrAssert | kPathVector, cpus[i]->apic_id);
        }
        break;
      default:
        send_icr(kIcrAllButSelf | kIcrAssert | kPathVector, 0);
        break;
    }
    return soon([&] { return __atomic_load_n(&received, __ATOMIC_RELAXED) >= sent * others; });
  });
  Team::stop();
  all = Team::gone(count) && all;
  path.sum = others == 0 ? 0 : received / others;
  path.last = received;
  all ? path.done() : path.failed(protocol::MeasureStatus::kLost);
}

}  // namespace hypervet::guest
