// SPDX-License-Identifier: Apache-2.0
// The machine's virtio device: what it asks of the machine, and when it works.
#include "backends/sim/machine_devices.h"

#include "backends/sim/machine.h"

namespace hypervet::sim {

std::uint64_t DeviceBoard::now() const { return machine_.now(); }

void DeviceBoard::wake_at(std::optional<std::uint64_t> when) { machine_.set_device_work(when); }

void DeviceBoard::set_line(bool level) { machine_.set_line(gsi_, level); }

// A message to anywhere but the local APICs is a write to memory (SDM vol. 3, 11.11.1).
void DeviceBoard::send_msi(std::uint64_t address, std::uint32_t data) {
  if (address >> 20 == 0xfee) return machine_.deliver(machine::decode_msi(address, data));
  machine_.memory().store(address, data);
}

void DeviceBoard::hang() {
  machine_.stop(backends::Stop::kStuck, "the access to the virtio device never returns");
}

void Machine::set_device_work(std::optional<std::uint64_t> when) {
  if (!when) return events_.cancel(kDeviceWork, 0);
  events_.set(*when, kDeviceWork, 0);
  if (*when < slice_end_) end_slice();
}

}  // namespace hypervet::sim
