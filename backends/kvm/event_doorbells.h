// SPDX-License-Identifier: Apache-2.0
// The second doorbell of a machine (setting doorbell: on): a port and an address that only count
// (ioeventfd), and a port whose eventfd raises an interrupt inside the kernel (ioeventfd into
// irqfd). Belongs to the machine; rings() is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "backends/kvm/events.h"
#include "backends/kvm/vm.h"

namespace hypervet::kvm {

class EventDoorbells {
 public:
  // Replaces the VM's routes, which are the kernel chips' own: once those are made.
  static Result<EventDoorbells> create(Vm& vm);
  EventDoorbells(EventDoorbells&& other) noexcept;

  // How often port and address rang since the machine was made.
  std::uint64_t rings();

 private:
  EventDoorbells(Doorbell port, Doorbell memory, EventInterrupt interrupt, Doorbell raising);

  Doorbell port_, memory_;
  EventInterrupt interrupt_;
  Doorbell raising_;  // rings interrupt_'s trigger
  std::atomic<std::uint64_t> rings_ = 0;
};

}  // namespace hypervet::kvm
