// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/pci_function.h"

#include <algorithm>
#include <stdexcept>

namespace hypervet::devices {

PciFunction::PciFunction(const PciIdentity& identity) {
  put(0x00, identity.vendor, 2);
  put(0x02, identity.device, 2);
  put(0x08, identity.revision, 1);
  put(0x09, identity.class_code, 3);
  put(0x2c, identity.subsystem_vendor, 2);
  put(0x2e, identity.subsystem, 2);
  make_writable(kPciCommand, {kPciMemorySpace | kPciBusMaster, kPciInterruptDisable >> 8});
  make_writable(kPciInterruptLine, {0xff});
  bytes_ = initial_;
}

void PciFunction::put(unsigned offset, std::uint32_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i, value >>= 8) {
    initial_[offset + i] = static_cast<std::uint8_t>(value);
  }
  bytes_ = initial_;
}

void PciFunction::add_bar(unsigned bar, std::uint32_t size) {
  bar_sizes_.at(bar) = size;
  // Sizing (6.2.5.1): the bits below the size stay 0, so ones written come back as the size.
  std::uint32_t mask = ~(size - 1);
  for (unsigned i = 0; i < 4; ++i, mask >>= 8) {
    writable_[kPciBar0 + 4 * bar + i] = static_cast<std::uint8_t>(mask);
  }
}

void PciFunction::set_interrupt(std::uint8_t line) {
  put(kPciInterruptLine, line, 1);
  put(kPciInterruptLine + 1, 1, 1);
}

std::uint8_t PciFunction::add_capability(std::span<const std::uint8_t> bytes) {
  const auto at = static_cast<std::uint8_t>(free_);
  if (free_ + bytes.size() > kSize) throw std::length_error("too many PCI capabilities");
  put(kPciStatus, 1 << 4, 2);  // there is a list
  std::ranges::copy(bytes, initial_.begin() + at);
  put(at + 1u, 0, 1);
  put(last_link_, at, 1);
  last_link_ = at + 1u;
  free_ = (free_ + static_cast<unsigned>(bytes.size()) + 3) & ~3u;
  return at;
}

void PciFunction::make_writable(unsigned offset, std::initializer_list<std::uint8_t> mask) {
  std::ranges::copy(mask, writable_.begin() + offset);
}

void PciFunction::config_read(unsigned offset, std::span<std::uint8_t> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = offset + i < kSize ? bytes_[offset + i] : std::uint8_t{0};
  }
}

void PciFunction::config_write(unsigned offset, std::span<const std::uint8_t> from) {
  for (std::size_t i = 0; i < from.size() && offset + i < kSize; ++i) {
    const std::uint8_t mask = writable_[offset + i];
    std::uint8_t& byte = bytes_[offset + i];
    byte = static_cast<std::uint8_t>((byte & ~mask) | (from[i] & mask));
  }
}

std::uint64_t PciFunction::bar_read(unsigned, std::uint64_t, unsigned) { return 0; }
void PciFunction::bar_write(unsigned, std::uint64_t, unsigned, std::uint64_t) {}

PciFunction::Window PciFunction::window(unsigned bar) const {
  if (!command(kPciMemorySpace)) return {};
  return {field<std::uint32_t>(kPciBar0 + 4 * bar) & ~std::uint32_t{15}, bar_sizes_[bar]};
}

}  // namespace hypervet::devices
