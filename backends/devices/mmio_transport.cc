// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/mmio_transport.h"

#include "backends/violations/rule_effects.h"

namespace hypervet::devices {
namespace {

constexpr std::uint32_t kMagic = 0x7472'6976, kVersion = 2;
constexpr std::uint32_t kVendor = 0x5456'5948;  // "HYVT"
constexpr std::uint64_t kConfig = 0x100;
constexpr std::uint32_t kUsedBuffer = 1, kConfigChange = 2;

// Offsets of the control registers, 4.2.2.
enum Offset : std::uint64_t {
  kMagicValue = 0x000,
  kVersionRegister = 0x004,
  kDeviceId = 0x008,
  kVendorId = 0x00c,
  kDeviceFeatures = 0x010,
  kDeviceFeaturesSel = 0x014,
  kDriverFeatures = 0x020,
  kDriverFeaturesSel = 0x024,
  kQueueSel = 0x030,
  kQueueSizeMax = 0x034,
  kQueueSize = 0x038,
  kQueueReady = 0x044,
  kQueueNotify = 0x050,
  kInterruptStatus = 0x060,
  kInterruptAck = 0x064,
  kStatus = 0x070,
  kQueueDesc = 0x080,
  kQueueDriver = 0x090,
  kQueueDevice = 0x0a0,
  kShmLenLow = 0x0b0,
  kShmBaseHigh = 0x0bc,
  kQueueReset = 0x0c0,
  kConfigGeneration = 0x0fc,
};

}  // namespace

// Control registers take 32-bit, aligned accesses alone (4.2.2.2); what is not one reads 0.
std::uint64_t MmioTransport::mmio_read(std::uint64_t offset, unsigned size) {
  if (offset >= kConfig) {
    std::uint8_t bytes[8] = {};
    read_config(offset - kConfig, std::span(bytes).first(size));
    return violations::number_of(std::span(bytes).first(size));
  }
  return size == 4 && offset % 4 == 0 ? read_control(offset) : 0;
}

void MmioTransport::mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  if (offset >= kConfig) {
    std::uint8_t bytes[8];
    violations::put_number(value, bytes);
    return write_config(offset - kConfig, std::span(bytes).first(size));
  }
  if (size == 4 && offset % 4 == 0) write_control(offset, static_cast<std::uint32_t>(value));
}

// Registers that are for writing alone read 0.
std::uint32_t MmioTransport::read_control(std::uint64_t offset) {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  switch (offset) {
    case kMagicValue:
      return low(shown(VirtioRegister::kMagic, kMagic));
    case kVersionRegister:
      return low(shown(VirtioRegister::kVersion, kVersion));
    case kDeviceId:
      return low(shown(VirtioRegister::kDeviceId, device().id()));
    case kVendorId:
      return low(shown(VirtioRegister::kVendorId, kVendor));
    case kDeviceFeatures:
      if (device_half_ > 1) return further_features(device_half_);
      return low(read_register(VirtioRegister::kDeviceFeatures) >>
                 (device_half_ == 0 || switched("feature-selector-ignored") ? 0 : 32));
    case kQueueSizeMax:
      return low(read_register(VirtioRegister::kQueueSizeMax));
    case kQueueReady:
      return low(read_register(VirtioRegister::kQueueEnable));
    case kInterruptStatus:
      return low(shown(VirtioRegister::kInterruptStatus, pending_));
    case kStatus:
      return low(read_register(VirtioRegister::kStatus));
    case kQueueReset:
      return low(read_register(VirtioRegister::kQueueReset));
    case kConfigGeneration:
      return low(read_register(VirtioRegister::kConfigGeneration));
    default:
      // No shared memory region exists: length and base are -1.
      return offset < kShmLenLow || offset > kShmBaseHigh ||
                     switched("shared-memory-registers-zero")
                 ? 0
                 : 0xffff'ffff;
  }
}

void MmioTransport::write_control(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kDeviceFeaturesSel:
      device_half_ = value;
      return;
    case kDriverFeaturesSel:
      driver_half_ = value;
      return;
    case kDriverFeatures:
      if (driver_half_ <= 1) write_half(VirtioRegister::kDriverFeatures, driver_half_, value);
      return;
    case kQueueSel:
      // No queue has an index beyond 16 bits.
      return select_queue(static_cast<std::uint16_t>(value > 0xffff ? 0xffff : value));
    case kQueueSize:
      return write_register(VirtioRegister::kQueueSize, value);
    case kQueueReady:
      return write_register(VirtioRegister::kQueueEnable, value);
    case kQueueNotify:
      return notify(value & 0xffff);  // with NOTIFICATION_DATA the rest says how far the ring is
    case kInterruptAck: {
      const auto write = written(VirtioRegister::kInterruptAck, value);
      if (!write.ignore) acknowledge(write.value);
      return;
    }
    case kStatus:
      return write_register(VirtioRegister::kStatus, value);
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

// The line is up while any event is pending, 4.2.3.4.
void MmioTransport::interrupt(const violations::VirtioInterrupt& how, unsigned) {
  const std::uint32_t event = how.config ? kConfigChange : kUsedBuffer;
  if (!how.status_unset) pending_ |= event;
  if (how.status_uncleared) sticky_ |= event;
  board().set_line(true);
  if (pending_ == 0) board().set_line(false);
}

void MmioTransport::acknowledge(std::uint64_t bits) {
  pending_ &= ~static_cast<std::uint32_t>(bits) | sticky_;
  board().set_line(pending_ != 0);
}

void MmioTransport::reset_interrupts() {
  pending_ = sticky_ = 0;
  board().set_line(false);
}

}  // namespace hypervet::devices
