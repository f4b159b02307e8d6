// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/user_irqchip.h"

namespace hypervet::kvm {
namespace {

constexpr std::uint32_t kPicLines = 16;

// SDM vol. 3 "Message Address Register Format", "Message Data Register Format": level 1 is assert.
Message message_of(const machine::InterruptMessage& from) {
  const std::uint32_t address =
      0xfee0'0000 | (from.destination & 0xff) << 12 | (from.logical ? 1u << 2 : 0u);
  const std::uint32_t data = from.vector | static_cast<std::uint32_t>(from.mode) << 8 | 1u << 14 |
                             (from.level ? 1u << 15 : 0u);
  return {address, data};
}

// Intel 82093AA data sheet, 3.2.4: vector 7:0, delivery mode 10:8, destination mode 11, trigger
// mode 15, destination 63:56.
Message message_of_pin(std::uint64_t redirection) {
  return message_of({.mode = static_cast<machine::DeliveryMode>(redirection >> 8 & 7),
                     .vector = static_cast<std::uint8_t>(redirection),
                     .logical = (redirection >> 11 & 1) != 0,
                     .level = (redirection >> 15 & 1) != 0,
                     .destination = static_cast<std::uint32_t>(redirection >> 56)});
}

}  // namespace

UserIrqchip::UserIrqchip(Vm& vm) : vm_(vm), io_apic_(*this), told_(kPins) {
  bus_.map_mmio(machine::kIoApicBase, machine::kIoApicSize, io_apic_);
  pic_.attach(bus_);
}

std::uint32_t UserIrqchip::port_in(std::uint16_t port, unsigned size) {
  const std::lock_guard lock(mutex_);
  return bus_.port_in(port, size);
}

void UserIrqchip::port_out(std::uint16_t port, unsigned size, std::uint32_t value) {
  const std::lock_guard lock(mutex_);
  bus_.port_out(port, size, value);
  update_intr();
}

std::uint64_t UserIrqchip::mmio_read(std::uint64_t gpa, unsigned size) {
  const std::lock_guard lock(mutex_);
  return bus_.mmio_read(gpa, size);
}

void UserIrqchip::mmio_write(std::uint64_t gpa, unsigned size, std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  bus_.mmio_write(gpa, size, value);
  tell_routes();
  send();
}

void UserIrqchip::end_of_interrupt(std::uint8_t vector) {
  const std::lock_guard lock(mutex_);
  io_apic_.end_of_interrupt(vector);
  send();
}

void UserIrqchip::set_line(std::uint32_t gsi, bool level) {
  const std::lock_guard lock(mutex_);
  io_apic_.set_line(gsi, level);
  if (gsi < kPicLines) pic_.set_line(gsi, level);
  update_intr();
  send();
}

void UserIrqchip::before_entry(Vcpu& cpu0) {
  kvm_run& run = cpu0.state();
  if (!wants_cpu()) {
    run.request_interrupt_window = 0;
    return;
  }
  const std::lock_guard lock(mutex_);
  if (pic_.output() && run.ready_for_interrupt_injection != 0) {
    kvm_interrupt interrupt{};
    interrupt.irq = pic_.acknowledge();
    // EEXIST: one is under way already; it was ready, so there is none.
    (void)call(cpu0.fd(), HV_REQUEST(KVM_INTERRUPT), &interrupt);
    // Until KVM says so again it can take no second one.
    run.ready_for_interrupt_injection = 0;
  }
  update_intr();
  run.request_interrupt_window = wants_cpu() ? 1 : 0;
}

void UserIrqchip::deliver(const machine::InterruptMessage& message) {
  outgoing_.push_back(message_of(message));
}

void UserIrqchip::send() {
  for (const Message& message : outgoing_) (void)vm_.signal(message);
  outgoing_.clear();
}

void UserIrqchip::tell_routes() {
  std::vector<Message> messages;
  std::vector<Route> routes;
  const auto& redirection = io_apic_.save().redirection;
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    messages.push_back(message_of_pin(redirection[pin]));
    routes.push_back({.gsi = pin, .to = Route::To::kMessage, .pin = 0, .message = messages.back()});
  }
  if (messages == told_) return;
  if (vm_.set_routes(routes)) told_ = std::move(messages);
}

}  // namespace hypervet::kvm
