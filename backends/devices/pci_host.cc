// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/pci_host.h"

#include "backends/violations/rule_effects.h"

namespace hypervet::devices {
namespace {

constexpr std::uint64_t kFunctionPlace = 1 << 3;  // bus 0, device 1, function 0
constexpr std::uint32_t kEnable = 1u << 31;
constexpr std::uint16_t kData = 4;  // port 0xcfc

std::uint64_t all_ones(unsigned size) { return violations::cut(~std::uint64_t{0}, size); }

}  // namespace

PciHost::Bridge::Bridge()
    : PciFunction({.vendor = 0x8086, .device = 0x1237, .revision = 2, .class_code = 0x06'0000}) {}

void PciHost::attach(machine::Bus& bus) {
  bus.map_ports(kPciPorts, 8, ports_);
  bus.map_mmio(kEcamBase, kEcamSize, ecam_);
  bus.map_mmio(kPciWindow, kPciWindowSize, bars_);
}

PciFunction* PciHost::function_at(std::uint64_t place) {
  if (place == 0) return &bridge_;
  return place == kFunctionPlace ? &function_ : nullptr;
}

// Where there is no function reads give all ones (3.2.2.3.4).
std::uint64_t PciHost::config_read(std::uint64_t place, unsigned offset, unsigned size) {
  PciFunction* const function = function_at(place);
  if (function == nullptr) return all_ones(size);
  std::uint8_t bytes[8] = {};
  function->config_read(offset, std::span(bytes).first(size));
  return violations::number_of(std::span(bytes).first(size));
}

void PciHost::config_write(std::uint64_t place, unsigned offset, unsigned size,
                           std::uint64_t value) {
  PciFunction* const function = function_at(place);
  if (function == nullptr) return;
  std::uint8_t bytes[8];
  violations::put_number(value, bytes);
  function->config_write(offset, std::span(bytes).first(size));
}

// The address port is a dword; the data port is any of its bytes.
std::uint32_t PciHost::Ports::port_in(std::uint16_t offset, unsigned size) {
  if (offset == 0 && size == 4) return host_.address_;
  if (offset < kData || (host_.address_ & kEnable) == 0) {
    return static_cast<std::uint32_t>(all_ones(size));
  }
  const unsigned at = (host_.address_ & 0xfc) + (offset - kData);
  return static_cast<std::uint32_t>(host_.config_read(host_.address_ >> 8 & 0xffff, at, size));
}

void PciHost::Ports::port_out(std::uint16_t offset, unsigned size, std::uint32_t value) {
  if (offset == 0 && size == 4) host_.address_ = value & (kEnable | 0xff'fffc);
  if (offset < kData || (host_.address_ & kEnable) == 0) return;
  const unsigned at = (host_.address_ & 0xfc) + (offset - kData);
  host_.config_write(host_.address_ >> 8 & 0xffff, at, size, value);
}

std::uint64_t PciHost::Ecam::mmio_read(std::uint64_t offset, unsigned size) {
  return host_.config_read(offset >> 12, offset & 0xfff, size);
}

void PciHost::Ecam::mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  host_.config_write(offset >> 12, offset & 0xfff, size, value);
}

std::uint64_t PciHost::Bars::mmio_read(std::uint64_t offset, unsigned size) {
  const std::uint64_t address = kPciWindow + offset;
  for (unsigned bar = 0; bar < kPciBars; ++bar) {
    const auto [base, length] = host_.function_.window(bar);
    if (address - base < length && size <= length - (address - base)) {
      return host_.function_.bar_read(bar, address - base, size);
    }
  }
  return all_ones(size);
}

void PciHost::Bars::mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  const std::uint64_t address = kPciWindow + offset;
  for (unsigned bar = 0; bar < kPciBars; ++bar) {
    const auto [base, length] = host_.function_.window(bar);
    if (address - base < length && size <= length - (address - base)) {
      return host_.function_.bar_write(bar, address - base, size, value);
    }
  }
}

}  // namespace hypervet::devices
