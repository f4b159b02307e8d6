// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/pc_clocks.h"

#include <utility>

#include "backends/machine/platform_clocks.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {
namespace {

constexpr std::uint16_t kControl = 3;           // port of the control word, from the first
constexpr std::uint32_t kCounterOfWord = 0xc0;  // and its fields: counter, access (0: latch)
constexpr std::uint32_t kAccessOfWord = 0x30;

}  // namespace

PcClocks::PcClocks(std::function<std::uint64_t()> now_ns)
    : now_ns_(std::move(now_ns)), pit_(*this), pm_timer_(*this), hpet_(*this) {}

void PcClocks::attach(machine::Bus& bus) {
  bus.map_ports(protocol::kPitPort, 4, pit_);
  bus.map_ports(protocol::kPmTimerPort, 4, pm_timer_);
  bus.map_mmio(protocol::kHpetAddress, machine::kHpetSize, hpet_);
}

// Counter 0 runs as a PC's firmware leaves it, both bytes of the count in turn; the other two are
// not there.
std::uint32_t PcClocks::Pit::port_in(std::uint16_t offset, unsigned size) {
  if (offset != 0 || size != 1) return 0xffff'ffff >> (32 - size * 8);
  State& state = clocks_.state_;
  const std::uint16_t count =
      state.latched ? state.latch : machine::pit_counter_at(clocks_.now_ns_());
  const std::uint32_t byte = state.high ? count >> 8 : count & 0xff;
  if (state.high) state.latched = false;
  state.high = !state.high;
  return byte;
}

void PcClocks::Pit::port_out(std::uint16_t offset, unsigned size, std::uint32_t value) {
  if (offset != kControl || size != 1 || (value & kCounterOfWord) != 0) return;
  State& state = clocks_.state_;
  state.high = false;
  if ((value & kAccessOfWord) != 0) {
    state.latched = false;
  } else if (!state.latched) {
    state.latch = machine::pit_counter_at(clocks_.now_ns_());
    state.latched = true;
  }
}

std::uint32_t PcClocks::PmTimer::port_in(std::uint16_t offset, unsigned size) {
  if (offset != 0 || size != 4) return 0xffff'ffff >> (32 - size * 8);
  return machine::pm_timer_at(clocks_.now_ns_());
}

std::uint64_t PcClocks::Hpet::mmio_read(std::uint64_t offset, unsigned size) {
  return machine::hpet_at(clocks_.now_ns_(), offset, size);
}

}  // namespace hypervet::sim
