// SPDX-License-Identifier: Apache-2.0
// The common configuration structure, 4.1.4.3.
#include <algorithm>
#include <iterator>

#include "backends/devices/pci_transport.h"

namespace hypervet::devices {
namespace {

enum Offset : std::uint64_t {
  kDeviceFeatureSelect = 0x00,
  kDeviceFeature = 0x04,
  kDriverFeatureSelect = 0x08,
  kDriverFeature = 0x0c,
  kConfigMsixVector = 0x10,
  kNumQueues = 0x12,
  kDeviceStatus = 0x14,
  kConfigGeneration = 0x15,
  kQueueSelect = 0x16,
  kQueueSize = 0x18,
  kQueueMsixVector = 0x1a,
  kQueueEnable = 0x1c,
  kQueueNotifyOff = 0x1e,
  kQueueDesc = 0x20,
  kQueueDriver = 0x28,
  kQueueDevice = 0x30,
  kQueueNotifConfigData = 0x38,
  kQueueReset = 0x3a,
  kAdminQueueIndex = 0x3c,
  kAdminQueueNum = 0x3e,
  kEnd = 0x40,
};

// Every place that may be accessed by itself; fields of 64 bits are two (4.1.3.1).
struct Field {
  std::uint64_t offset;
  unsigned size;
};
constexpr Field kFields[] = {
    {kDeviceFeatureSelect, 4}, {kDeviceFeature, 4},
    {kDriverFeatureSelect, 4}, {kDriverFeature, 4},
    {kConfigMsixVector, 2},    {kNumQueues, 2},
    {kDeviceStatus, 1},        {kConfigGeneration, 1},
    {kQueueSelect, 2},         {kQueueSize, 2},
    {kQueueMsixVector, 2},     {kQueueEnable, 2},
    {kQueueNotifyOff, 2},      {kQueueDesc, 4},
    {kQueueDesc + 4, 4},       {kQueueDriver, 4},
    {kQueueDriver + 4, 4},     {kQueueDevice, 4},
    {kQueueDevice + 4, 4},     {kQueueNotifConfigData, 2},
    {kQueueReset, 2},          {kAdminQueueIndex, 2},
    {kAdminQueueNum, 2},
};

std::uint32_t half(std::uint64_t value, std::uint64_t which) {
  return which > 1 ? 0 : static_cast<std::uint32_t>(value >> (32 * which));
}

}  // namespace

// A read of any width sees the bytes of the fields that it reaches; each field is read once.
std::uint64_t PciTransport::common_read(std::uint64_t offset, unsigned size) {
  std::uint64_t value = 0;
  for (const Field& field : kFields) {
    if (field.offset >= offset + size || field.offset + field.size <= offset) continue;
    const std::uint64_t bytes = common_field(field.offset);
    value |= field.offset >= offset ? bytes << (8 * (field.offset - offset))
                                    : bytes >> (8 * (offset - field.offset));
  }
  return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

// A write counts where it is as wide as the field (4.1.3.1).
void PciTransport::common_write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  const bool field = std::ranges::any_of(
      kFields, [&](const Field& one) { return one.offset == offset && one.size == size; });
  if (field) set_common_field(offset, static_cast<std::uint32_t>(value));
}

std::uint32_t PciTransport::common_field(std::uint64_t offset) {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const bool queue = queues().registers(selected()) != nullptr;
  switch (offset) {
    case kDeviceFeatureSelect:
      return device_half_;
    case kDeviceFeature:
      if (device_half_ > 1 && !switched("pci-features-repeat"))
        return further_features(device_half_);
      return half(read_register(VirtioRegister::kDeviceFeatures) |
                      (admin_out_of_range() ? bit(kAdminVq) : 0),
                  device_half_ & 1);
    case kDriverFeatureSelect:
      return driver_half_;
    case kDriverFeature:
      return driver_half_ > 1 ? 0
                              : half(read_register(VirtioRegister::kDriverFeatures), driver_half_);
    case kConfigMsixVector:
      return low(shown(VirtioRegister::kConfigVector, config_vector_));
    case kNumQueues:
      return low(read_register(VirtioRegister::kQueueCount));
    case kDeviceStatus:
      return low(read_register(VirtioRegister::kStatus));
    case kConfigGeneration:
      return low(read_register(VirtioRegister::kConfigGeneration)) & 0xff;
    case kQueueSelect:
      return selected();
    case kQueueSize:
      return low(read_register(VirtioRegister::kQueueSize));
    case kQueueMsixVector:
      return low(shown(VirtioRegister::kQueueVector,
                       queue ? queues().registers(selected())->vector : kNoVector));
    case kQueueEnable:
      return low(read_register(VirtioRegister::kQueueEnable));
    case kQueueNotifyOff:
      return low(shown(VirtioRegister::kQueueNotifyOff, queue ? selected() : 0));
    case kQueueDesc:
    case kQueueDesc + 4:
      return half(read_register(VirtioRegister::kQueueDesc), offset / 4 % 2);
    case kQueueDriver:
    case kQueueDriver + 4:
      return half(read_register(VirtioRegister::kQueueDriver), offset / 4 % 2);
    case kQueueDevice:
    case kQueueDevice + 4:
      return half(read_register(VirtioRegister::kQueueDevice), offset / 4 % 2);
    case kQueueNotifConfigData: {
      const bool there = queue && negotiated(kNotifConfigData);
      return low(shown(VirtioRegister::kQueueNotifyData, there ? kNotifyDataBase + selected() : 0));
    }
    case kQueueReset:
      return low(read_register(VirtioRegister::kQueueReset));
    case kAdminQueueIndex:
      return admin_out_of_range() ? 0xffff : 0;
    case kAdminQueueNum:
      return admin_out_of_range() ? 2 : 0;
    default:
      return 0;
  }
}

// An event that cannot be mapped reads NO_VECTOR, 4.1.5.1.2.1.
std::uint16_t PciTransport::mapped(std::uint64_t vector) const {
  return vector < msix_.vectors() ? static_cast<std::uint16_t>(vector) : kNoVector;
}

void PciTransport::set_common_field(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kDeviceFeatureSelect:
      device_half_ = value;
      return;
    case kDriverFeatureSelect:
      driver_half_ = value;
      return;
    case kDriverFeature:
      if (driver_half_ <= 1) write_half(VirtioRegister::kDriverFeatures, driver_half_, value);
      return;
    case kConfigMsixVector: {
      const auto write = written(VirtioRegister::kConfigVector, value);
      if (!write.ignore) config_vector_ = mapped(write.value);
      return;
    }
    case kDeviceStatus:
      return write_register(VirtioRegister::kStatus, value);
    case kQueueSelect:
      return select_queue(static_cast<std::uint16_t>(value));
    case kQueueSize:
      return write_register(VirtioRegister::kQueueSize, value);
    case kQueueMsixVector: {
      const auto write = written(VirtioRegister::kQueueVector, value);
      if (!write.ignore) queues().set_vector(selected(), mapped(write.value));
      return;
    }
    case kQueueEnable:
      return write_register(VirtioRegister::kQueueEnable, value);
    case kQueueDesc:
    case kQueueDesc + 4:
      return write_half(VirtioRegister::kQueueDesc, offset / 4 % 2, value);
    case kQueueDriver:
    case kQueueDriver + 4:
      return write_half(VirtioRegister::kQueueDriver, offset / 4 % 2, value);
    case kQueueDevice:
    case kQueueDevice + 4:
      return write_half(VirtioRegister::kQueueDevice, offset / 4 % 2, value);
    case kQueueReset:
      return write_register(VirtioRegister::kQueueReset, value);
    default:
      return;
  }
}

}  // namespace hypervet::devices
