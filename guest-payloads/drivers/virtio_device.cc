// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/virtio_device.h"

namespace hypervet::guest {

using protocol::VirtioRegion;
using protocol::VirtioRegister;

constinit VirtioDevice virtio_device;

namespace {

consteval bool in_order() {
  for (unsigned i = 0; i < kVirtioRegisterCount; ++i) {
    if (static_cast<unsigned>(protocol::kVirtioRegisters[i].reg) != i) return false;
  }
  for (unsigned i = 0; i < kVirtioRegionCount; ++i) {
    if (static_cast<unsigned>(protocol::kVirtioRegions[i].region) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the tables are indexed by their first column");

}  // namespace

bool VirtioDevice::select(Access& access, VirtioRegister reg, std::uint32_t index,
                          RegisterPlace& where) const {
  if (map == nullptr) return false;
  const auto number = static_cast<unsigned>(reg);
  where = map->of[number];
  if (where.width == 0 || !region(where.region).holds(where.offset, where.width)) return false;
  if (protocol::kVirtioRegisters[number].queue) {
    access.store(place_of(map->queue_select), map->queue_select.width, index);
  }
  return true;
}

template <typename Half>
void VirtioDevice::halves(Access& access, VirtioRegister reg, const RegisterPlace& where,
                          Half half) const {
  const Place place = place_of(where);
  const RegisterPlace* const selector =
      reg == VirtioRegister::kDeviceFeatures   ? &map->device_features_select
      : reg == VirtioRegister::kDriverFeatures ? &map->driver_features_select
                                               : nullptr;
  for (unsigned i = 0; i < 2; ++i) {
    if (selector != nullptr) access.store(place_of(*selector), selector->width, i);
    half(selector != nullptr ? place : place + 4 * i, 32 * i);
  }
}

bool VirtioDevice::read(Access& access, VirtioRegister reg, std::uint32_t index,
                        std::uint64_t& value) const {
  RegisterPlace where;
  value = 0;
  if (!select(access, reg, index, where)) return false;
  if (where.width == 8) {
    halves(access, reg, where,
           [&](const Place& place, unsigned shift) { value |= access.load(place, 4) << shift; });
  } else {
    value = access.load(place_of(where), where.width);
    if (reg == VirtioRegister::kDeviceId) value -= map->device_id_base;
  }
  return true;
}

bool VirtioDevice::write(Access& access, VirtioRegister reg, std::uint32_t index,
                         std::uint64_t value) const {
  RegisterPlace where;
  if (!select(access, reg, index, where)) return false;
  if (where.width == 8) {
    halves(access, reg, where,
           [&](const Place& place, unsigned shift) { access.store(place, 4, value >> shift); });
  } else {
    access.store(place_of(where), where.width, value);
  }
  return true;
}

bool VirtioDevice::notify(Access& access, std::uint32_t queue, unsigned width,
                          std::uint64_t value) {
  if (map == nullptr) return false;
  std::uint64_t offset = 0;
  if (is_pci()) {
    const bool known = queue < protocol::kVirtioMaxQueues && notify_offsets[queue] != 0;
    if (known) {
      offset = notify_offsets[queue] - 1;
    } else {
      if (!read(access, VirtioRegister::kQueueNotifyOff, queue, offset)) return false;
      offset *= found.notify_multiplier;
      if (queue < protocol::kVirtioMaxQueues && offset < 0xffff'ffff) {
        notify_offsets[queue] = static_cast<std::uint32_t>(offset + 1);
      }
    }
  }
  const Window& window = region(VirtioRegion::kNotify);
  if (!window.holds(offset, width)) return false;
  access.store(window.start + offset, width, value);
  return true;
}

}  // namespace hypervet::guest
