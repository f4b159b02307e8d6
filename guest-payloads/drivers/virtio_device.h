// SPDX-License-Identifier: Apache-2.0
// The virtio device that a program has: registers and regions by name, whatever the transport. A
// transport is a table of where its registers are and a function that finds a device
// (virtio_mmio.cc, virtio_pci.cc). One CPU at a time uses the device, but for notify() and the
// handler of its line.
#pragma once

#include <cstdint>
#include <iterator>

#include "guest-payloads/drivers/access.h"
#include "guest-payloads/protocol/virtio.h"

namespace hypervet::guest {

inline constexpr unsigned kVirtioRegisterCount = std::size(protocol::kVirtioRegisters);
inline constexpr unsigned kVirtioRegionCount = std::size(protocol::kVirtioRegions);

// Where a register is. Width 0: this transport has none; 8: two accesses of 4, low half first,
// which lie side by side but for features, whose halves are shown in one place by turns.
struct RegisterPlace {
  protocol::VirtioRegion region = protocol::VirtioRegion::kRegisters;
  std::uint8_t width = 0;
  std::uint16_t offset = 0;
};

struct RegisterMap {
  RegisterPlace of[kVirtioRegisterCount];  // by VirtioRegister
  RegisterPlace queue_select;
  // Which half of the features is shown.
  RegisterPlace device_features_select;
  RegisterPlace driver_features_select;
  std::uint32_t device_id_base = 0;  // the register holds the device ID plus this
};

struct VirtioDevice {
  const RegisterMap* map = nullptr;  // null: none was found
  Window regions[kVirtioRegionCount];
  protocol::VirtioFound found{};
  Place msix;  // PCI: the capability, if it has one
  std::uint32_t notify_offsets[protocol::kVirtioMaxQueues] =
      {};  // PCI: bytes + 1; 0: not asked yet

  Window& region(protocol::VirtioRegion which) { return regions[static_cast<unsigned>(which)]; }
  const Window& region(protocol::VirtioRegion which) const {
    return regions[static_cast<unsigned>(which)];
  }
  bool is_pci() const { return found.found != 0 && map->device_id_base != 0; }

  // False: the device does not have it, nothing was done. Features are all 64 bits.
  bool read(Access& access, protocol::VirtioRegister reg, std::uint32_t index,
            std::uint64_t& value) const;
  bool write(Access& access, protocol::VirtioRegister reg, std::uint32_t index,
             std::uint64_t value) const;
  // Available-buffer notification of a queue (4.1.5.2, 4.2.3.3). On PCI the first one to a queue
  // selects it, to learn its place.
  bool notify(Access& access, std::uint32_t queue, unsigned width, std::uint64_t value);

 private:
  Place place_of(const RegisterPlace& where) const {
    return region(where.region).start + where.offset;
  }
  bool select(Access& access, protocol::VirtioRegister reg, std::uint32_t index,
              RegisterPlace& where) const;
  template <typename Half>
  void halves(Access& access, protocol::VirtioRegister reg, const RegisterPlace& where,
              Half half) const;
};

// The device of the running program.
extern VirtioDevice virtio_device;

// Fills `device`, which is empty, if there is a device with that ID.
void find_virtio_mmio(Access& access, std::uint32_t id, VirtioDevice& device);
void find_virtio_pci(Access& access, std::uint32_t id, VirtioDevice& device);

// The nth vendor capability with that cfg_type of a PCI device.
protocol::VirtioCapability virtio_capability(Access& access, const VirtioDevice& device,
                                             std::uint32_t cfg_type, std::uint32_t nth);

}  // namespace hypervet::guest
