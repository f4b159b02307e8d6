// SPDX-License-Identifier: Apache-2.0
#include "backends/process/host_clock.h"

#include <x86intrin.h>

#include <chrono>
#include <ctime>
#include <thread>

namespace hypervet::process {
namespace {

struct Reading {
  std::uint64_t ticks;
  std::uint64_t nanoseconds;
};

std::uint64_t monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// The tightest of a few pairs: one that was interrupted between the two clocks loses.
Reading read_both() {
  Reading best{};
  std::uint64_t narrowest = ~std::uint64_t{0};
  for (int i = 0; i < 16; ++i) {
    const auto before = __rdtsc();
    const auto now = monotonic();
    const auto after = __rdtsc();
    if (after - before < narrowest) {
      narrowest = after - before;
      best = {before + (after - before) / 2, now};
    }
  }
  return best;
}

}  // namespace

std::uint64_t host_tsc_khz() {
  const auto first = read_both();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto last = read_both();
  const auto nanoseconds = last.nanoseconds - first.nanoseconds;
  return nanoseconds == 0 ? 0 : (last.ticks - first.ticks) * 1'000'000 / nanoseconds;
}

}  // namespace hypervet::process
