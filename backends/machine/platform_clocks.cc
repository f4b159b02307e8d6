// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/platform_clocks.h"

namespace hypervet::machine {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kPmTimerHz = 3'579'545, kPitHz = 1'193'182;
constexpr std::uint64_t kHpetTickNs = 10, kHpetTickFs = kHpetTickNs * 1'000'000;
// Revision 1, one comparator, 64-bit counter, its period in femtoseconds above.
constexpr std::uint64_t kHpetCapabilities = kHpetTickFs << 32 | 1u << 13 | 1;
constexpr std::uint64_t kHpetRunning = 1;

// ns * hz / 1 s without overflow.
std::uint64_t ticks(std::uint64_t ns, std::uint64_t hz) {
  return ns / kSecond * hz + ns % kSecond * hz / kSecond;
}

std::uint64_t hpet_register(std::uint64_t ns, std::uint64_t offset) {
  switch (offset) {
    case 0x00:
      return kHpetCapabilities;
    case 0x10:
      return kHpetRunning;
    case 0xf0:
      return ns / kHpetTickNs;
    default:
      return 0;
  }
}

}  // namespace

std::uint32_t pm_timer_at(std::uint64_t ns) {
  return static_cast<std::uint32_t>(ticks(ns, kPmTimerHz) & 0xff'ffff);
}

std::uint16_t pit_counter_at(std::uint64_t ns) {
  return static_cast<std::uint16_t>(0xffff - (ticks(ns, kPitHz) & 0xffff));
}

std::uint64_t hpet_at(std::uint64_t ns, std::uint64_t offset, unsigned size) {
  const std::uint64_t whole = hpet_register(ns, offset & ~std::uint64_t{7});
  return size == 8 ? whole : whole >> (offset & 4) * 8 & 0xffff'ffff;
}

}  // namespace hypervet::machine
