// SPDX-License-Identifier: Apache-2.0
// Does a guest get on, as seen from outside the VMM: by a counter that the agent moves and by the
// processor time that the VMM's process uses, or would like to. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

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
  // Of wall time without progress in which next to no processor time is used: the guest sleeps.
  static constexpr std::chrono::milliseconds kAsleep{1000};
  // Deadlines that a program has which gets on: on a busy machine 60,000 requests take their time.
  static constexpr int kGrace = 12;

  ProgressWatch(pid_t vmm, const backends::Limits& limits, double patience = kPatience);

  enum class State {
    kRuns,
    kStands,   // uses processor time, and does not get on
    kSleeps,   // neither
    kExpired,  // the deadline is over, and it does not get on; or kGrace of them are
  };
  State look(std::uint64_t progress);
  // Since the counter last moved.
  std::chrono::nanoseconds used() const { return used_ - used_then_; }
  std::chrono::nanoseconds waited() const { return now_ - then_; }
  // Since the beginning: how long the VMM's threads were ready to run and had no processor, in sum.
  std::chrono::nanoseconds kept_waiting() const { return run_delay() - delay_then_; }

 private:
  std::chrono::nanoseconds processor_time() const;
  std::chrono::nanoseconds run_delay() const;

  pid_t vmm_;
  backends::Limits limits_;
  double patience_;
  Clock::time_point begun_;
  Clock::time_point now_, then_;  // at the last look; when the counter last moved
  std::chrono::nanoseconds used_{0}, used_then_{0};
  std::chrono::nanoseconds delay_then_;
  std::uint64_t progress_ = 0;
};

}  // namespace hypervet::vmm
