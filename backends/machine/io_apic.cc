// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/io_apic.h"

namespace hypervet::machine {
namespace {

constexpr std::uint32_t kRegisterId = 0, kRegisterVersion = 1, kRegisterArbitration = 2,
                        kFirstRedirection = 0x10;
constexpr std::uint64_t kDeliveryStatus = 1 << 12;

}  // namespace

std::uint64_t IoApic::mmio_read(std::uint64_t offset, unsigned) {
  switch (offset) {
    case 0x00:
      return state_.select;
    case 0x10:
      return read_register();
    default:
      return 0;
  }
}

void IoApic::mmio_write(std::uint64_t offset, unsigned, std::uint64_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  switch (offset) {
    case 0x00:
      state_.select = word & 0xff;
      return;
    case 0x10:
      write_register(word);
      return;
    case 0x40:
      end_of_interrupt(static_cast<std::uint8_t>(word));
      return;
    default:
      return;
  }
}

std::uint32_t IoApic::read_register() const {
  const std::uint32_t index = state_.select;
  if (index == kRegisterId || index == kRegisterArbitration) return state_.id << 24;
  if (index == kRegisterVersion) return (kPins - 1) << 16 | 0x20;
  if (index < kFirstRedirection || index >= kFirstRedirection + 2 * kPins) return 0;
  const std::uint64_t entry = state_.redirection[(index - kFirstRedirection) / 2];
  return static_cast<std::uint32_t>(index & 1 ? entry >> 32 : entry);
}

void IoApic::write_register(std::uint32_t value) {
  const std::uint32_t index = state_.select;
  if (index == kRegisterId) state_.id = (value >> 24) & 0xf;
  if (index < kFirstRedirection || index >= kFirstRedirection + 2 * kPins) return;
  const unsigned pin = (index - kFirstRedirection) / 2;
  std::uint64_t& entry = state_.redirection[pin];
  if (index & 1) {
    entry = (entry & 0xffff'ffff) | std::uint64_t{value} << 32;
  } else {
    // Delivery status and remote IRR are read-only; remote IRR has no meaning on an edge-triggered
    // pin.
    const std::uint64_t kept = entry & (kDeliveryStatus | kRemoteIrr);
    entry = (entry & ~std::uint64_t{0xffff'ffff}) | kept |
            (value & 0x1'ffff & ~(kDeliveryStatus | kRemoteIrr));
    if (!(entry & kLevel)) entry &= ~kRemoteIrr;
  }
  if (entry & kLevel) service(pin);
}

void IoApic::set_line(unsigned pin, bool level) {
  if (pin >= kPins) return;
  const std::uint32_t bit = 1u << pin;
  const bool rose = level && !(state_.lines & bit);
  state_.lines = level ? state_.lines | bit : state_.lines & ~bit;
  const std::uint64_t entry = state_.redirection[pin];
  if (entry & kLevel) {
    service(pin);
  } else if (rose && !(entry & kMasked)) {
    send(pin);
  }
}

// A raised level-triggered pin that is neither masked nor awaiting its EOI.
void IoApic::service(unsigned pin) {
  std::uint64_t& entry = state_.redirection[pin];
  if (!(state_.lines & (1u << pin)) || (entry & (kMasked | kRemoteIrr))) return;
  entry |= kRemoteIrr;
  send(pin);
}

void IoApic::send(unsigned pin) {
  const std::uint64_t entry = state_.redirection[pin];
  sink_.deliver({.mode = static_cast<DeliveryMode>((entry >> 8) & 7),
                 .vector = static_cast<std::uint8_t>(entry),
                 .logical = ((entry >> 11) & 1) != 0,
                 .level = (entry & kLevel) != 0,
                 .destination = static_cast<std::uint32_t>(entry >> 56),
                 .origin = Origin::ioapic});
}

void IoApic::end_of_interrupt(std::uint8_t vector) {
  for (unsigned pin = 0; pin < kPins; ++pin) {
    std::uint64_t& entry = state_.redirection[pin];
    if (static_cast<std::uint8_t>(entry) != vector || !(entry & kRemoteIrr)) continue;
    entry &= ~kRemoteIrr;
    service(pin);
  }
}

}  // namespace hypervet::machine
