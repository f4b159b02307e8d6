// SPDX-License-Identifier: Apache-2.0
// Does a guest get on, as seen from outside the VMM: by a counter that the agent moves, by the
// memory in which its device works, and by the processor time that the VMM's process uses, or would
// like to. One thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/backend.h"

namespace hypervet::vmm {

class ProgressWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // Of processor time that a VMM as a whole may use without the counter moving, in units of
  // Limits::no_progress: its own threads work as well as the guest's CPUs, and where the guest is
  // interpreted an instruction takes longer.
  static constexpr double kPatience = 2;
  // Where the program gets a second chance.
  static constexpr double kHaste = 0.5;
  // The share of that patience which is enough while the memory holds nothing new either: a device
  // that works long for one notification fills a ring or a buffer all the while. One that spins may
  // write as well, but the same over and over: that it wants no notifications now, and then does.
  static constexpr double kStill = 0.175;
  // Of wall time without progress in which next to no processor time is used: the guest sleeps.
  static constexpr std::chrono::milliseconds kAsleep{1000};
  // Of the wall time: who uses less of the processor sleeps, but for what timers take.
  static constexpr int kNextToNone = 8;
  // Deadlines that a program has which gets on: on a busy machine 60,000 requests take their time.
  static constexpr int kGrace = 12;

  ProgressWatch(pid_t vmm, const backends::Limits& limits, double patience = kPatience);

  enum class State {
    kRuns,
    kStands,   // uses processor time, and does not get on
    kSleeps,   // neither
    kExpired,  // the deadline is over, and it does not get on; or kGrace of them are
  };
  // `memory`: where the device works, which is written while it is looked at. Empty: not to be
  // seen.
  State look(std::uint64_t progress, std::span<const std::uint8_t> memory = {});
  // Since the counter last moved.
  std::chrono::nanoseconds used() const { return used_ - used_then_; }
  std::chrono::nanoseconds waited() const { return now_ - then_; }
  // Since the beginning: how long the VMM's threads were ready to run and had no processor, in sum.
  std::chrono::nanoseconds kept_waiting() const { return run_delay() - delay_then_; }

 private:
  std::chrono::nanoseconds processor_time() const;
  std::chrono::nanoseconds run_delay() const;

  void look_at(std::span<const std::uint8_t> memory);

  pid_t vmm_;
  backends::Limits limits_;
  double patience_;
  Clock::time_point begun_;
  Clock::time_point now_, then_;  // at the last look; when the counter last moved
  std::chrono::nanoseconds used_{0}, used_then_{0};
  // Without what a sleeper takes, which adds up; at the last look, when the counter last moved, and
  // when there was last something new in the memory.
  std::chrono::nanoseconds busy_{0}, busy_then_{0}, busy_at_news_{0};
  std::array<std::uint64_t, 8> seen_{};  // the last checksums of the memory that differ
  std::size_t next_seen_ = 0;
  std::chrono::nanoseconds delay_then_;
  std::uint64_t progress_ = 0;
};

}  // namespace hypervet::vmm
