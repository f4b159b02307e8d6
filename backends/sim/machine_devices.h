// SPDX-License-Identifier: Apache-2.0
// The simulated machine as a virtio device sees it. Owned by the machine.
#pragma once

#include "backends/devices/board.h"

namespace hypervet::sim {

class Machine;

class DeviceBoard final : public devices::Board {
 public:
  DeviceBoard(Machine& machine, unsigned gsi) : machine_(machine), gsi_(gsi) {}

  std::uint64_t now() const override;
  void wake_at(std::optional<std::uint64_t> when) override;
  void set_line(bool level) override;
  void send_msi(std::uint64_t address, std::uint32_t data) override;
  void hang() override;

 private:
  Machine& machine_;
  unsigned gsi_;
};

}  // namespace hypervet::sim
