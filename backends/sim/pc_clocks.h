// SPDX-License-Identifier: Apache-2.0
// PIT, ACPI PM timer and HPET of a simulated machine (setting platform-timers: on), to be read and
// not to interrupt. Owned by the machine, whose time they show; one thread.
#pragma once

#include <cstdint>
#include <functional>

#include "backends/machine/bus.h"

namespace hypervet::sim {

class PcClocks {
 public:
  // The byte of the latched count that is read next, and the count.
  struct State {
    std::uint16_t latch = 0;
    bool latched = false;
    bool high = false;
  };

  explicit PcClocks(std::function<std::uint64_t()> now_ns);
  PcClocks(const PcClocks&) = delete;
  PcClocks& operator=(const PcClocks&) = delete;

  void attach(machine::Bus& bus);
  const State& save() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  class Pit final : public machine::PortDevice {
   public:
    explicit Pit(PcClocks& clocks) : clocks_(clocks) {}
    std::uint32_t port_in(std::uint16_t offset, unsigned size) override;
    void port_out(std::uint16_t offset, unsigned size, std::uint32_t value) override;

   private:
    PcClocks& clocks_;
  };
  class PmTimer final : public machine::PortDevice {
   public:
    explicit PmTimer(PcClocks& clocks) : clocks_(clocks) {}
    std::uint32_t port_in(std::uint16_t offset, unsigned size) override;
    void port_out(std::uint16_t, unsigned, std::uint32_t) override {}

   private:
    PcClocks& clocks_;
  };
  class Hpet final : public machine::MmioDevice {
   public:
    explicit Hpet(PcClocks& clocks) : clocks_(clocks) {}
    std::uint64_t mmio_read(std::uint64_t offset, unsigned size) override;
    void mmio_write(std::uint64_t, unsigned, std::uint64_t) override {}

   private:
    PcClocks& clocks_;
  };

  std::function<std::uint64_t()> now_ns_;
  State state_;
  Pit pit_;
  PmTimer pm_timer_;
  Hpet hpet_;
};

}  // namespace hypervet::sim
