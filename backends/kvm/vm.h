// SPDX-License-Identifier: Apache-2.0
// One virtual machine of the kernel. Its descriptor is shared with whatever is made from it (memory
// slots, doorbells, interrupts by event), and the kernel frees the machine once those and every
// Vcpu are gone. Its calls are thread-safe in the kernel; the object itself belongs to whoever made
// it and may be moved.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/kvm/ioctl.h"
#include "backends/kvm/system.h"
#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

// A message-signalled interrupt as it stands on the bus (SDM vol. 3 "Message Signalled
// Interrupts").
struct Message {
  std::uint32_t address = 0;
  std::uint32_t data = 0;
  bool operator==(const Message&) const = default;
};
// Edge-triggered, physical destination.
Message fixed_message(std::uint8_t vector, std::uint8_t apic_id);

// What an interrupt number (GSI) turns into: a message, or a pin of a chip in the kernel.
struct Route {
  enum class To { kMessage, kMasterPic, kSlavePic, kIoApic };
  std::uint32_t gsi = 0;
  To to = To::kMessage;
  std::uint32_t pin = 0;  // of the chip
  Message message;
};

// MSRs whose accesses leave for user space.
struct MsrRange {
  std::uint32_t first = 0;
  std::uint32_t count = 1;  // at most kMostMsrs
  bool read = true;
  bool write = true;
};

class Vm {
 public:
  // Bounds of KVM_X86_SET_MSR_FILTER.
  static constexpr std::size_t kMostMsrRanges = 16;
  static constexpr std::uint32_t kMostMsrs = 0x3000;

  static Result<Vm> create(const System& system);

  // PIC, IOAPIC, and a local APIC for every vCPU made after this call.
  Result<int> create_irqchip();
  // A local APIC alone for every vCPU made after this call; PIC and IOAPIC are the caller's. The
  // routes of the first `pins` GSIs are those of his IOAPIC: a level-triggered one makes the
  // guest's EOI exit (KVM_EXIT_IOAPIC_EOI).
  Result<int> create_split_irqchip(unsigned pins);
  // The kernel's PIT, once the kernel has PIC and IOAPIC.
  Result<int> create_pit();
  Result<Vcpu> create_vcpu(const System& system, unsigned id);
  Result<int> enable(std::uint32_t capability, std::uint64_t argument);
  // Accesses to these MSRs alone exit (KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR); replaces the filter
  // that was there, an empty one exits for none. KVM never filters the x2APIC's MSRs.
  Result<int> exit_on_msrs(std::span<const MsrRange> ranges);
  // Whether the interrupt was delivered: > 0 yes, 0 blocked by the guest.
  Result<int> signal(const Message& message);
  // Drives the line of a GSI of the chips in the kernel.
  Result<int> set_line(std::uint32_t gsi, bool level);
  // Replaces all routes. Several routes may have the same GSI, at most one of them a message.
  Result<int> set_routes(std::span<const Route> routes);

  const std::shared_ptr<const Fd>& fd() const { return fd_; }

 private:
  std::shared_ptr<const Fd> fd_;
};

// The routes that the kernel's own chips start with: GSI 0 to 15 at PIC and IOAPIC, 16 to 23 at the
// IOAPIC alone.
std::vector<Route> routes_of_kernel_chips();

}  // namespace hypervet::kvm
