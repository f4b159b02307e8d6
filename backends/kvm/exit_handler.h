// SPDX-License-Identifier: Apache-2.0
// What becomes of each exit to user space: the doorbell, the serial line, the debug-exit port,
// hypercalls and MSRs that are the VMM's, and the exits that end a machine. handle() is called by
// all vCPU threads at once and takes no lock on the way of a doorbell or of an unclaimed port.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "backends/kvm/device_thread.h"
#include "backends/kvm/exit_records.h"
#include "backends/kvm/host_actions.h"
#include "backends/kvm/serial_line.h"
#include "backends/kvm/user_irqchip.h"
#include "backends/kvm/vcpu_threads.h"
#include "backends/machine/guest_mailbox.h"

namespace hypervet::kvm {

class ExitHandler {
 public:
  // All of it must outlive this object.
  // irqchip: null where PIC and IOAPIC are the kernel's. has_clocks: ACPI PM timer and HPET are
  // there to be read.
  ExitHandler(machine::GuestMailbox& mailbox, SerialLine& serial, HostActions& actions,
              ExitRecords& records, UserIrqchip* irqchip, DeviceThread& device, bool has_clocks)
      : mailbox_(mailbox),
        serial_(serial),
        actions_(actions),
        records_(records),
        irqchip_(irqchip),
        device_(device),
        has_clocks_(has_clocks) {}

  // The vCPU is about to enter the guest. From its own thread.
  void before_entry(Vcpu& vcpu, unsigned cpu) {
    if (irqchip_ != nullptr && cpu == 0) irqchip_->before_entry(vcpu);
  }

  // The vCPU of the calling thread has come out of KVM_RUN. False: it must not go in again, and
  // threads.end() was told.
  bool handle(VcpuThreads& threads, unsigned cpu);

  // Host TSC when the guest said that it was ready; 0: it never did.
  std::uint64_t ready_at() const { return ready_at_.load(std::memory_order_relaxed); }

 private:
  struct Access;  // one port access

  bool port_io(VcpuThreads& threads, unsigned cpu);
  bool port_out(VcpuThreads& threads, unsigned cpu, const Access& access);
  std::uint32_t port_in(const Access& access);
  bool doorbell(VcpuThreads& threads, unsigned cpu, std::uint32_t why);
  bool debug_exit(VcpuThreads& threads, std::uint32_t value);
  void memory_io(kvm_run& run);
  bool rare(VcpuThreads& threads, unsigned cpu);

  machine::GuestMailbox& mailbox_;
  SerialLine& serial_;
  HostActions& actions_;
  ExitRecords& records_;
  UserIrqchip* irqchip_;
  DeviceThread& device_;
  const bool has_clocks_;
  std::atomic<std::uint64_t> ready_at_ = 0;
};

}  // namespace hypervet::kvm
