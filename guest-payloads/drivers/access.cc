// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/access.h"

#include "guest-payloads/runtime/guarded.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {

// Configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2). Port accesses at CPL 0 do not fault.
constexpr std::uint16_t kConfigAddress = 0xcf8, kConfigData = 0xcfc;

std::uint16_t select(std::uint64_t address) {
  out32(kConfigAddress, static_cast<std::uint32_t>(address) & ~3u);
  return static_cast<std::uint16_t>(kConfigData + (address & 3));
}

std::uint64_t load_config(std::uint64_t address, unsigned width) {
  const std::uint16_t port = select(address);
  return width == 1 ? in8(port) : width == 2 ? in16(port) : in32(port);
}

void store_config(std::uint64_t address, unsigned width, std::uint64_t value) {
  const std::uint16_t port = select(address);
  if (width == 1) return out8(port, static_cast<std::uint8_t>(value));
  if (width == 2) return out16(port, static_cast<std::uint16_t>(value));
  out32(port, static_cast<std::uint32_t>(value));
}

}  // namespace

std::uint64_t Access::load(const Place& place, unsigned width) {
  std::uint64_t value = 0;
  if (faulted_ || place.kind == Place::Kind::kNowhere) return 0;
  if (place.kind == Place::Kind::kConfigPorts) return load_config(place.address, width);
  return probe(place.address, width, value) ? value : load_again(place.address, width);
}

void Access::store(const Place& place, unsigned width, std::uint64_t value) {
  if (faulted_ || place.kind == Place::Kind::kNowhere) return;
  if (place.kind == Place::Kind::kConfigPorts) return store_config(place.address, width, value);
  if (!poke(place.address, width, value)) store_again(place.address, width, value);
}

// The access that faulted never reached the device. Once more under the guard, which tells all
// about the fault; should it be gone, this one counts. The guard may not be entered with interrupts
// on, as a wait has them.
std::uint64_t Access::load_again(std::uint64_t address, unsigned width) {
  interrupts_off();
  faulted_ = !guarded_load(guard_, width, address);
  if (faulted_) return 0;
  const std::uint64_t value = guard_.executed.after.rax;
  return width == 8 ? value : value & ((1ull << width * 8) - 1);
}

void Access::store_again(std::uint64_t address, unsigned width, std::uint64_t value) {
  interrupts_off();
  faulted_ = !guarded_store(guard_, width, address, value);
}

}  // namespace hypervet::guest
