// SPDX-License-Identifier: Apache-2.0
// A 16550 whose line is two buffers: what the guest sends is collected, what the host sends waits
// to be received. Sending takes no time. Modem lines are fixed, loopback is left out. Owned by the
// machine; one machine, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "backends/machine/bus.h"

namespace hypervet::machine {

class Serial final : public PortDevice {
 public:
  // What the guest may send before the rest is dropped.
  static constexpr std::size_t kMaxOutput = std::size_t{16} << 20;

  struct State {
    std::uint8_t interrupt_enable = 0, line_control = 0, modem_control = 0, scratch = 0;
    std::uint8_t fifo_control = 0;
    std::uint16_t divisor = 1;
    bool transmit_interrupt = false;  // THR became empty and nobody has seen it
    std::deque<std::uint8_t> input;
  };

  const State& save() const { return state_; }
  // Drops the output.
  void restore(const State& state);

  // Eight ports.
  std::uint32_t port_in(std::uint16_t offset, unsigned size) override;
  void port_out(std::uint16_t offset, unsigned size, std::uint32_t value) override;

  // Guest-controlled bytes, in order, since the machine began or was restored.
  std::span<const std::uint8_t> output() const { return output_; }
  bool overflowed() const { return overflowed_; }
  void receive(std::span<const std::uint8_t> bytes);
  // The level of its interrupt line.
  bool interrupt() const;

 private:
  std::uint8_t identify_interrupt();

  State state_;
  std::vector<std::uint8_t> output_;
  bool overflowed_ = false;
};

}  // namespace hypervet::machine
