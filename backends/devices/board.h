// SPDX-License-Identifier: Apache-2.0
// What a transport needs of the machine that it is plugged into. Implemented by the simulator's
// machine and by the KVM engine; it outlives the transport. Called by whoever called the transport,
// one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

namespace hypervet::devices {

class Board {
 public:
  virtual ~Board() = default;
  virtual std::uint64_t now() const = 0;  // nanoseconds of the machine's time
  // Transport::work() is wanted at that time, or not at all. Replaces what was wanted before.
  virtual void wake_at(std::optional<std::uint64_t> when) = 0;
  // The device's interrupt line: MMIO's own, or INTA#.
  virtual void set_line(bool level) = 0;
  virtual void send_msi(std::uint64_t address, std::uint32_t data) = 0;
  // The CPU that is in a register access never leaves it (a violation).
  virtual void hang() = 0;
};

}  // namespace hypervet::devices
