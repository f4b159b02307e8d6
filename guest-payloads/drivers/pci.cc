// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/pci.h"

#include "guest-payloads/drivers/device_options.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kMapped = 0x1'0000'0000, kIoApic = 0xfec0'0000;
constexpr std::uint64_t kPortEnable = 0x8000'0000;
constexpr unsigned kDevices = 32, kFunctions = 8;

Window config_of(unsigned device, unsigned function) {
  const std::uint64_t number = device * kFunctions + function;
  if (device_options.ecam != 0) {
    return {{Place::Kind::kMemory, device_options.ecam + (number << 12)}, 4096};
  }
  return {{Place::Kind::kConfigPorts, kPortEnable | number << 8}, 256};
}

// Where the next BAR may go.
std::uint64_t next_free;

// 0: no room.
std::uint64_t allocate(std::uint64_t size) {
  if (next_free == 0) next_free = device_options.pci_window;
  const std::uint64_t address = (next_free + size - 1) & ~(size - 1);
  if (address < next_free || address >= kIoApic || size > kIoApic - address) return 0;
  next_free = address + size;
  return address;
}

}  // namespace

Window find_pci_function(Access& access, std::uint32_t vendor, std::uint32_t device) {
  const std::uint64_t wanted = vendor | std::uint64_t{device} << 16;
  for (unsigned slot = 0; slot < kDevices; ++slot) {
    unsigned functions = 1;
    for (unsigned function = 0; function < functions; ++function) {
      const Window config = config_of(slot, function);
      const std::uint64_t id = access.load(config.start + kPciVendor, 4);
      if (access.faulted()) return {};
      if (id == wanted) return config;
      const bool absent = (id & 0xffff) == 0xffff;
      if (function == 0 && !absent && (access.load(config.start + kPciHeaderType, 1) & 0x80) != 0) {
        functions = kFunctions;
      }
    }
  }
  return {};
}

Capabilities::Capabilities(Access& access, const Window& config)
    : access_(access), config_(config.start) {
  constexpr std::uint64_t kHasList = 1 << 4;
  if ((access.load(config_ + kPciStatus, 2) & kHasList) == 0) return;
  next_ = access.load(config_ + kPciCapabilities, 1) & 0xfc;
}

bool Capabilities::next(std::uint8_t id) {
  while (next_ >= 0x40 && left_-- != 0) {
    at_ = next_;
    const std::uint64_t header = access_.load(config_ + at_, 2);
    next_ = header >> 8 & 0xfc;
    if ((header & 0xff) == id) return !access_.faulted();
  }
  return false;
}

namespace {

// The registers of one BAR, sized while the function does not decode.
Window settle_bar(Access& access, const Place& low_place, bool wide) {
  constexpr std::uint64_t kAddress = ~0xfull;
  const Place high_place = low_place + 4;
  std::uint64_t address = access.load(low_place, 4) & kAddress;
  access.store(low_place, 4, 0xffff'ffff);
  std::uint64_t mask = 0xffff'ffff'0000'0000 | (access.load(low_place, 4) & kAddress);
  if (wide) {
    address |= access.load(high_place, 4) << 32;
    access.store(high_place, 4, 0xffff'ffff);
    mask = access.load(high_place, 4) << 32 | (mask & 0xffff'ffff);
  }
  const std::uint64_t size = mask & -mask;
  bool unreachable = false;
  const bool is_bar = mask != 0 && size < kMapped;
  if (is_bar && (address == 0 || address > kMapped - size)) {
    const std::uint64_t room = allocate(size);
    unreachable = room == 0;
    if (!unreachable) address = room;
  }
  access.store(low_place, 4, address);
  if (wide) access.store(high_place, 4, address >> 32);
  if (!is_bar || unreachable) return {};
  return {{Place::Kind::kMemory, address}, size};
}

}  // namespace

void settle_bars(Access& access, const Window& config, Window (&bars)[kPciBarCount]) {
  constexpr std::uint64_t kIsIo = 1, kType = 6, kType64 = 4;
  const Place command = config.start + kPciCommand;
  const std::uint64_t before = access.load(command, 2);
  access.store(command, 2, before & ~kPciMemory);
  for (unsigned i = 0; i < kPciBarCount; ++i) {
    const Place place = config.start + (kPciBars + 4 * i);
    const std::uint64_t low = access.load(place, 4);
    if ((low & kIsIo) != 0) continue;
    const bool wide = (low & kType) == kType64 && i + 1 < kPciBarCount;
    bars[i] = settle_bar(access, place, wide);
    if (wide) ++i;
  }
  access.store(command, 2, before | kPciMemory | kPciBusMaster);
}

}  // namespace hypervet::guest
