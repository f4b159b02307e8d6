// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/progress_watch.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "guest-payloads/protocol/program.h"

namespace hypervet::vmm {

using std::chrono::nanoseconds;

ProgressWatch::ProgressWatch(pid_t vmm, const backends::Limits& limits, double patience)
    : vmm_(vmm),
      limits_(limits),
      patience_(patience),
      begun_(Clock::now()),
      now_(begun_),
      then_(begun_),
      used_(processor_time()),
      used_then_(used_),
      delay_then_(run_delay()) {}

// A process that has just ended has no clock any more: then nothing is added.
nanoseconds ProgressWatch::processor_time() const {
  clockid_t clock;
  timespec time{};
  if (::clock_getcpuclockid(vmm_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return used_;
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

// The second number of /proc/PID/task/TID/schedstat (proc(5)). A kernel that does not count says 0.
nanoseconds ProgressWatch::run_delay() const {
  nanoseconds sum{0};
  std::error_code error;
  std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", vmm_), error);
  for (; !error && tasks != std::filesystem::directory_iterator(); tasks.increment(error)) {
    std::ifstream file(tasks->path() / "schedstat");
    std::int64_t ran = 0, delayed = 0;
    if (file >> ran >> delayed) sum += nanoseconds(delayed);
  }
  return sum;
}

// Not while the program is within its right: it costs as much as there is memory.
void ProgressWatch::look_at(std::span<const std::uint8_t> memory) {
  constexpr std::chrono::milliseconds kQuick{10};
  if (busy_ - busy_then_ < kQuick) return;
  const auto sum = protocol::checksum(memory.data(), memory.size());
  if (std::ranges::find(seen_, sum) != seen_.end()) return;
  busy_at_news_ = busy_;
  seen_[next_seen_++ % seen_.size()] = sum;
}

ProgressWatch::State ProgressWatch::look(std::uint64_t progress,
                                         std::span<const std::uint8_t> memory) {
  const auto now = Clock::now();
  const auto total = processor_time();
  if (total - used_ >= (now - now_) / kNextToNone) busy_ += total - used_;
  now_ = now;
  used_ = total;
  if (progress != progress_) {
    progress_ = progress;
    then_ = now_;
    used_then_ = used_;
    busy_then_ = busy_at_news_ = busy_;
  } else if (!memory.empty()) {
    look_at(memory);
  }
  const auto all = now_ - begun_;
  if (all >= limits_.deadline && (waited() >= kAsleep || all >= limits_.deadline * kGrace))
    return State::kExpired;
  const auto patience = limits_.no_progress * patience_;
  if (busy_ - busy_then_ >= patience) return State::kStands;
  if (!memory.empty() && busy_ - busy_at_news_ >= patience * kStill) return State::kStands;
  if (waited() >= kAsleep && used() < waited() / kNextToNone) return State::kSleeps;
  return State::kRuns;
}

}  // namespace hypervet::vmm
