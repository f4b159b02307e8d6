// SPDX-License-Identifier: Apache-2.0
// From a guest's write to the handler of the interrupt that it causes: by a doorbell in the kernel
// whose event raises the interrupt (ioeventfd into irqfd), or by way of user space, which is asked
// for an MSI at the agent's own doorbell.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

namespace {

std::uint64_t taken;

void take(void*) {
  end_of_interrupt();
  __atomic_store_n(&taken, taken + 1, __ATOMIC_RELAXED);
}

}  // namespace

void device_interrupt_path(PathRun& path) {
  const bool by_event = path.loop() == protocol::PathLoop::kRingInterrupt;
  const std::uint64_t msi[4] = {protocol::kEventVector, cpus[0]->apic_id, 0, 0};
  taken = 0;
  const NativeHandler handler(protocol::kEventVector, take, nullptr);
  bool all;
  {
    const InterruptWindow window;
    std::uint64_t sent = 0;
    all = path.time([&] {
      ++sent;
      if (by_event) {
        out32(protocol::kEventInterruptPort, 1);
      } else {
        ask_host(path.stamp(), static_cast<std::uint32_t>(protocol::HostVerb::kRaiseMsi), msi);
      }
      return soon([&] { return __atomic_load_n(&taken, __ATOMIC_RELAXED) >= sent; });
    });
  }
  path.sum = taken;
  all ? path.done() : path.failed(protocol::MeasureStatus::kLost);
}

}  // namespace hypervet::guest
