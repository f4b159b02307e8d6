// SPDX-License-Identifier: Apache-2.0
// Virtio over PCI: the structures that vendor capabilities name (4.1.4), and the common
// configuration's layout (4.1.4.3). Structures in I/O BARs are passed over.
#include "guest-payloads/drivers/device_options.h"
#include "guest-payloads/drivers/pci.h"
#include "guest-payloads/drivers/virtio_device.h"

namespace hypervet::guest {

using protocol::VirtioRegion;
using protocol::VirtioRegister;

namespace {

constexpr std::uint32_t kVirtioVendor = 0x1af4, kFirstDevice = 0x1040;
constexpr std::uint8_t kVendorSpecific = 0x09, kMsix = 0x11;

consteval RegisterMap make_map() {
  RegisterMap map{};
  const auto at = [](std::uint16_t offset, std::uint8_t width) {
    return RegisterPlace{VirtioRegion::kRegisters, width, offset};
  };
  const auto put = [&map](VirtioRegister reg, RegisterPlace place) {
    map.of[static_cast<unsigned>(reg)] = place;
  };
  map.device_features_select = at(0, 4);
  put(VirtioRegister::kDeviceFeatures, at(4, 8));
  map.driver_features_select = at(8, 4);
  put(VirtioRegister::kDriverFeatures, at(12, 8));
  put(VirtioRegister::kConfigVector, at(16, 2));
  put(VirtioRegister::kQueueCount, at(18, 2));
  put(VirtioRegister::kStatus, at(20, 1));
  put(VirtioRegister::kConfigGeneration, at(21, 1));
  map.queue_select = at(22, 2);
  put(VirtioRegister::kQueueSizeMax, at(24, 2));
  put(VirtioRegister::kQueueSize, at(24, 2));
  put(VirtioRegister::kQueueVector, at(26, 2));
  put(VirtioRegister::kQueueEnable, at(28, 2));
  put(VirtioRegister::kQueueNotifyOff, at(30, 2));
  put(VirtioRegister::kQueueDesc, at(32, 8));
  put(VirtioRegister::kQueueDriver, at(40, 8));
  put(VirtioRegister::kQueueDevice, at(48, 8));
  put(VirtioRegister::kQueueNotifyData, at(56, 2));
  put(VirtioRegister::kQueueReset, at(58, 2));
  put(VirtioRegister::kInterruptStatus, {VirtioRegion::kIsr, 1, 0});
  put(VirtioRegister::kDeviceId, {VirtioRegion::kPciHeader, 2, kPciDevice});
  put(VirtioRegister::kVendorId, {VirtioRegion::kPciHeader, 2, kPciSubsystemVendor});
  map.device_id_base = kFirstDevice;
  return map;
}

constexpr RegisterMap kMap = make_map();

// struct virtio_pci_cap and what may follow it.
constexpr std::uint64_t kCapLen = 2, kCfgType = 3, kBar = 4, kId = 5, kOffset = 8, kLength = 12,
                        kOffsetHigh = 16, kLengthHigh = 20, kMultiplier = 16;
constexpr std::uint32_t kCommon = 1, kNotify = 2, kIsr = 3, kDevice = 4, kSharedMemory = 8;

// Where BAR `number` leads, by what it holds now.
std::uint64_t bar_address(Access& access, const Window& config, std::uint64_t number) {
  if (number >= kPciBarCount) return 0;
  const Place place = config.start + (kPciBars + 4 * number);
  const std::uint64_t low = access.load(place, 4);
  if ((low & 1) != 0) return 0;
  const bool wide = (low & 6) == 4 && number + 1 < kPciBarCount;
  return (low & ~0xfull) | (wide ? access.load(place + 4, 4) << 32 : 0);
}

// The region that a structure is; false: none of ours.
bool region_of(std::uint64_t cfg_type, VirtioRegion& region) {
  switch (cfg_type) {
    case kCommon:
      region = VirtioRegion::kRegisters;
      return true;
    case kNotify:
      region = VirtioRegion::kNotify;
      return true;
    case kIsr:
      region = VirtioRegion::kIsr;
      return true;
    case kDevice:
      region = VirtioRegion::kConfig;
      return true;
    default:
      return false;
  }
}

// The first structure of each type counts (4.1.4, driver requirements).
void find_structures(Access& access, const Window (&bars)[kPciBarCount], VirtioDevice& device) {
  const Window config = device.region(VirtioRegion::kPciHeader);
  std::uint64_t first_bar = kPciBarCount;
  for (Capabilities list(access, config); list.next(kVendorSpecific);) {
    const Place cap = list.place();
    const std::uint64_t cfg_type = access.load(cap + kCfgType, 1), bar = access.load(cap + kBar, 1);
    VirtioRegion which;
    if (!region_of(cfg_type, which) || bar >= kPciBarCount || bars[bar].size == 0) continue;
    Window& window = device.region(which);
    if (window.size != 0) continue;
    window = {bars[bar].start + access.load(cap + kOffset, 4), access.load(cap + kLength, 4)};
    if (cfg_type == kNotify) device.found.notify_multiplier = access.load(cap + kMultiplier, 4);
    if (bar < first_bar) first_bar = bar;
  }
  if (first_bar < kPciBarCount) {
    device.region(VirtioRegion::kPciBar) = bars[first_bar];
  }
}

void find_msix(Access& access, const Window (&bars)[kPciBarCount], VirtioDevice& device) {
  const Window config = device.region(VirtioRegion::kPciHeader);
  Capabilities list(access, config);
  if (!list.next(kMsix)) return;
  const Place cap = device.msix = list.place();
  const std::uint64_t entries = (access.load(cap + 2, 2) & 0x7ff) + 1;
  const auto window = [&](std::uint64_t offset, std::uint64_t size) -> Window {
    const std::uint64_t place = access.load(cap + offset, 4), bar = place & 7;
    if (bar >= kPciBarCount || bars[bar].size == 0) return {};
    return {bars[bar].start + (place & ~7ull), size};
  };
  device.found.msix = entries;
  device.region(VirtioRegion::kMsixTable) = window(4, entries * 16);
  device.region(VirtioRegion::kMsixPending) = window(8, (entries + 63) / 64 * 8);
}

std::uint64_t line_of(Access& access, const Window& config) {
  if (device_options.pci_line != kLineNotKnown) return device_options.pci_line;
  // What firmware wrote; 0 is what it is without one, 255 means none (PCI Local Bus 3.0, 6.2.4).
  const std::uint64_t line = access.load(config.start + kPciInterruptLine, 1);
  return line == 0 || line == 0xff ? ~0ull : line;
}

}  // namespace

// By vendor and device ID alone, any revision (4.1.2.2).
void find_virtio_pci(Access& access, std::uint32_t id, VirtioDevice& device) {
  const Window config = find_pci_function(access, kVirtioVendor, kFirstDevice + id);
  if (config.size == 0) return;
  Window bars[kPciBarCount];
  settle_bars(access, config, bars);
  device.map = &kMap;
  device.region(VirtioRegion::kPciHeader) = config;
  device.found.found = 1;
  device.found.device = id;
  device.found.vendor = access.load(config.start + kPciSubsystemVendor, 2);
  device.found.version = access.load(config.start + kPciRevision, 1);
  device.found.line = line_of(access, config);
  find_structures(access, bars, device);
  find_msix(access, bars, device);
  device.found.config_size = device.region(VirtioRegion::kConfig).size;
}

protocol::VirtioCapability virtio_capability(Access& access, const VirtioDevice& device,
                                             std::uint32_t cfg_type, std::uint32_t nth) {
  if (!device.is_pci()) return {};
  const Window config = device.region(VirtioRegion::kPciHeader);
  for (Capabilities list(access, config); list.next(kVendorSpecific);) {
    const Place cap = list.place();
    if (access.load(cap + kCfgType, 1) != cfg_type || nth-- != 0) continue;
    protocol::VirtioCapability answer{.found = 1,
                                      .place = list.offset(),
                                      .cap_len = access.load(cap + kCapLen, 1),
                                      .bar = access.load(cap + kBar, 1),
                                      .id = access.load(cap + kId, 1),
                                      .offset = access.load(cap + kOffset, 4),
                                      .length = access.load(cap + kLength, 4),
                                      .address = 0};
    if (cfg_type == kSharedMemory) {
      answer.offset |= access.load(cap + kOffsetHigh, 4) << 32;
      answer.length |= access.load(cap + kLengthHigh, 4) << 32;
    }
    const std::uint64_t start = bar_address(access, config, answer.bar);
    if (start != 0) answer.address = start + answer.offset;
    return answer;
  }
  return {};
}

}  // namespace hypervet::guest
