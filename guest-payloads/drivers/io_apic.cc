// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/io_apic.h"

#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kSelect = 0xfec0'0000, kData = 0xfec0'0010;
constexpr std::uint32_t kVersion = 1, kRedirection = 0x10;
constexpr std::uint32_t kLevel = 1 << 15, kMasked = 1 << 16;

std::uint32_t read(std::uint32_t index) {
  mmio_write32(kSelect, index);
  return mmio_read32(kData);
}

void write(std::uint32_t index, std::uint32_t value) {
  mmio_write32(kSelect, index);
  mmio_write32(kData, value);
}

bool has_pin(std::uint64_t gsi) {
  const std::uint32_t version = read(kVersion);
  return version != ~0u && gsi <= (version >> 16 & 0xff);
}

}  // namespace

bool open_line(std::uint64_t gsi, std::uint8_t vector) {
  if (!has_pin(gsi)) return false;
  const std::uint32_t entry = kRedirection + 2 * static_cast<std::uint32_t>(gsi);
  write(entry, kMasked);
  write(entry + 1, this_cpu().apic_id << 24);
  write(entry, vector | kLevel);
  return true;
}

// Still level-triggered: of an edge-triggered pin QEMU forgets that its line was lowered, and when
// the pin is opened again it interrupts for ever (7.2, hw/intc/ioapic.c, ioapic_set_irq).
void close_line(std::uint64_t gsi) {
  if (has_pin(gsi)) write(kRedirection + 2 * static_cast<std::uint32_t>(gsi), kMasked | kLevel);
}

}  // namespace hypervet::guest
