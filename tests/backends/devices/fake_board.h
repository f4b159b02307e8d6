// SPDX-License-Identifier: Apache-2.0
// A machine around one transport: memory, a clock that a test moves, the level of the line, the
// messages that were sent.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "backends/devices/board.h"
#include "backends/devices/transport.h"
#include "backends/machine/guest_memory.h"
#include "backends/violations/interposer.h"

namespace hypervet::devices::test {

class FakeBoard final : public Board {
 public:
  // Lets time pass, with the transport's work in it.
  void pass(Transport& transport, std::uint64_t nanoseconds) {
    const std::uint64_t end = clock + nanoseconds;
    while (wake && *wake <= end) {
      clock = std::max(clock, *wake);
      transport.work();
    }
    clock = end;
  }

  std::uint64_t now() const override { return clock; }
  void wake_at(std::optional<std::uint64_t> when) override { wake = when; }
  void set_line(bool level) override {
    rises += level && !line ? 1 : 0;
    line = level;
  }
  void send_msi(std::uint64_t address, std::uint32_t data) override {
    messages.emplace_back(address, data);
  }
  void hang() override { ++hangs; }

  std::uint64_t clock = 0;
  std::optional<std::uint64_t> wake;
  bool line = false;
  unsigned rises = 0, hangs = 0;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> messages;
};

}  // namespace hypervet::devices::test
