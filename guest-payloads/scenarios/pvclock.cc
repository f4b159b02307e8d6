// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/scenarios/pvclock.h"

#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {

struct TimeInfo {
  std::uint32_t version, pad0;
  std::uint64_t tsc_timestamp, system_time;
  std::uint32_t tsc_to_system_mul;
  std::int8_t tsc_shift;
  std::uint8_t flags, pad[2];
};
static_assert(sizeof(TimeInfo) == kPvclockSize);

std::uint64_t scaled(std::uint64_t ticks, std::int8_t shift, std::uint32_t mul) {
  // A shift of 64 and more would be undefined; the host may write any.
  const unsigned by = static_cast<unsigned>(shift < 0 ? -shift : shift);
  ticks = by > 63 ? 0 : shift < 0 ? ticks >> by : ticks << by;
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(ticks) * mul) >> 32);
}

}  // namespace

PvclockReading read_pvclock(std::uint64_t address) {
  const auto& info = *reinterpret_cast<const volatile TimeInfo*>(address);
  PvclockReading reading;
  for (unsigned look = 0; look < kMaxLooks; ++look) {
    const std::uint32_t before = info.version;
    lfence();
    const std::uint64_t base = info.system_time;
    const std::uint64_t ticks = rdtsc() - info.tsc_timestamp;
    reading.time = base + scaled(ticks, info.tsc_shift, info.tsc_to_system_mul);
    lfence();
    if ((before & 1) == 0 && info.version == before) {
      reading.whole = true;
      return reading;
    }
    ++reading.torn;
    pause();
  }
  return reading;
}

}  // namespace hypervet::guest
