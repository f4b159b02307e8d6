// SPDX-License-Identifier: Apache-2.0
// Virtio over MMIO: the register layout of 4.2.2, and the devices that the command line names.
#include "guest-payloads/drivers/device_options.h"
#include "guest-payloads/drivers/virtio_device.h"

namespace hypervet::guest {

using protocol::VirtioRegion;
using protocol::VirtioRegister;

namespace {

constexpr std::uint64_t kVersion = 0x04, kDeviceId = 0x08, kVendorId = 0x0c, kNotify = 0x50,
                        kConfig = 0x100;

consteval RegisterMap make_map() {
  RegisterMap map{};
  const auto at = [](std::uint16_t offset, std::uint8_t width = 4) {
    return RegisterPlace{VirtioRegion::kRegisters, width, offset};
  };
  const auto put = [&map](VirtioRegister reg, RegisterPlace place) {
    map.of[static_cast<unsigned>(reg)] = place;
  };
  put(VirtioRegister::kMagic, at(0x00));
  put(VirtioRegister::kVersion, at(kVersion));
  put(VirtioRegister::kDeviceId, at(kDeviceId));
  put(VirtioRegister::kVendorId, at(kVendorId));
  put(VirtioRegister::kDeviceFeatures, at(0x10, 8));
  map.device_features_select = at(0x14);
  put(VirtioRegister::kDriverFeatures, at(0x20, 8));
  map.driver_features_select = at(0x24);
  map.queue_select = at(0x30);
  put(VirtioRegister::kQueueSizeMax, at(0x34));
  put(VirtioRegister::kQueueSize, at(0x38));
  put(VirtioRegister::kQueueEnable, at(0x44));
  put(VirtioRegister::kInterruptStatus, at(0x60));
  put(VirtioRegister::kInterruptAck, at(0x64));
  put(VirtioRegister::kStatus, at(0x70));
  put(VirtioRegister::kQueueDesc, at(0x80, 8));
  put(VirtioRegister::kQueueDriver, at(0x90, 8));
  put(VirtioRegister::kQueueDevice, at(0xa0, 8));
  put(VirtioRegister::kQueueReset, at(0xc0));
  put(VirtioRegister::kConfigGeneration, at(0xfc));
  map.device_id_base = 0;
  return map;
}

constexpr RegisterMap kMap = make_map();

}  // namespace

// Known by its DeviceID alone: whether MagicValue and Version are right is for clauses to judge.
void find_virtio_mmio(Access& access, std::uint32_t id, VirtioDevice& device) {
  for (std::uint32_t i = 0; i < device_options.mmio_count; ++i) {
    const MmioDevice& given = device_options.mmio[i];
    const Place start{Place::Kind::kMemory, given.address};
    if (given.size < kConfig || access.load(start + kDeviceId, 4) != id) continue;
    device.map = &kMap;
    device.region(VirtioRegion::kRegisters) = {start, given.size};
    device.region(VirtioRegion::kNotify) = {start + kNotify, 4};
    device.region(VirtioRegion::kConfig) = {start + kConfig, given.size - kConfig};
    device.found = {.found = 1,
                    .device = id,
                    .vendor = access.load(start + kVendorId, 4),
                    .version = access.load(start + kVersion, 4),
                    .msix = 0,
                    .line = given.gsi,
                    .notify_multiplier = 0,
                    .config_size = 0};
    return;
  }
}

}  // namespace hypervet::guest
