// SPDX-License-Identifier: Apache-2.0
// What a device wants done later, by the machine's clock. A plain value of one transport.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace hypervet::devices {

class Timers {
 public:
  void set(std::uint64_t when, std::function<void()> then) {
    const auto later = [&](const Timer& one) { return one.when > when; };
    timers_.insert(std::ranges::find_if(timers_, later), {when, std::move(then)});
  }
  std::optional<std::uint64_t> next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.front().when;
  }
  // The first one, taken out, if it is due.
  std::function<void()> take_due(std::uint64_t now) {
    if (timers_.empty() || timers_.front().when > now) return nullptr;
    std::function<void()> then = std::move(timers_.front().then);
    timers_.erase(timers_.begin());
    return then;
  }
  void clear() { timers_.clear(); }

 private:
  struct Timer {
    std::uint64_t when;
    std::function<void()> then;
  };
  std::vector<Timer> timers_;  // by time, then by age
};

}  // namespace hypervet::devices
