// SPDX-License-Identifier: Apache-2.0
// The PIC and the IOAPIC of a machine whose kernel has local APICs alone (KVM_CAP_SPLIT_IRQCHIP).
// The IOAPIC's interrupts go to the local APICs as messages; its redirection table is told to KVM
// as the routes of its pins, so that the EOI of a level-triggered vector exits. The PIC's go to
// CPU 0 through KVM_INTERRUPT whenever the guest can take one.
//
// It owns the VM's routes. Thread-safe, but before_entry(), which is for CPU 0's thread. The VM
// must outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "backends/kvm/vm.h"
#include "backends/machine/bus.h"
#include "backends/machine/io_apic.h"
#include "backends/machine/pic.h"

namespace hypervet::kvm {

class UserIrqchip final : private machine::InterruptSink {
 public:
  static constexpr unsigned kPins = machine::IoApic::kPins;

  explicit UserIrqchip(Vm& vm);
  UserIrqchip(const UserIrqchip&) = delete;
  UserIrqchip& operator=(const UserIrqchip&) = delete;

  // Exits of vCPUs. Where none of its chips answers: all ones, and writes are lost.
  std::uint32_t port_in(std::uint16_t port, unsigned size);
  void port_out(std::uint16_t port, unsigned size, std::uint32_t value);
  std::uint64_t mmio_read(std::uint64_t gpa, unsigned size);
  void mmio_write(std::uint64_t gpa, unsigned size, std::uint64_t value);
  void end_of_interrupt(std::uint8_t vector);  // KVM_EXIT_IOAPIC_EOI

  // Drives the line of a GSI: below 16 those of PIC and IOAPIC, up to 23 the IOAPIC's.
  void set_line(std::uint32_t gsi, bool level);
  // The PIC asks for CPU 0's attention: who made it so sees that CPU 0 leaves KVM_RUN.
  bool wants_cpu() const { return intr_.load(std::memory_order_acquire); }
  // Hands the PIC's interrupt over, or asks KVM to exit as soon as the guest can take one.
  void before_entry(Vcpu& cpu0);

 private:
  void deliver(const machine::InterruptMessage& message) override;
  void tell_routes();
  // What a write lets out goes only once KVM knows the routes, or it would miss the EOI.
  void send();
  void update_intr() { intr_.store(pic_.output(), std::memory_order_release); }

  Vm& vm_;
  std::mutex mutex_;  // of all below but intr_
  machine::IoApic io_apic_;
  machine::Pic pic_;
  machine::Bus bus_;
  std::vector<Message> told_;  // messages of the pins, as KVM knows them
  std::vector<Message> outgoing_;
  std::atomic<bool> intr_ = false;
};

}  // namespace hypervet::kvm
