// SPDX-License-Identifier: Apache-2.0
// One virtual machine of the kernel. The owner must destroy every Vcpu of it as well before the
// kernel frees it. Its calls are thread-safe in the kernel; the object itself belongs to whoever
// made it.
#pragma once

#include <cstdint>

#include "backends/kvm/ioctl.h"
#include "backends/kvm/system.h"
#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

class Vm {
 public:
  static Result<Vm> create(const System& system);

  // RAM [0, size) of the guest, backed by host memory that outlives the VM.
  Result<int> set_memory(void* host, std::uint64_t size);
  // PIC, IOAPIC, and a local APIC for every vCPU made after this call.
  Result<int> create_irqchip();
  Result<Vcpu> create_vcpu(const System& system, unsigned id);
  Result<int> enable(std::uint32_t capability, std::uint64_t argument);
  // Accesses to this one MSR exit to user space (KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR).
  Result<int> trap_msr(std::uint32_t index);
  // Whether the interrupt was delivered: > 0 yes, 0 blocked by the guest.
  Result<int> signal_msi(std::uint8_t vector, std::uint8_t apic_id);

 private:
  Fd fd_;
};

}  // namespace hypervet::kvm
