// SPDX-License-Identifier: Apache-2.0
// Virtual time of one machine: a count of ticks (1 ns each) that only the machine moves, and the
// events due at some tick. Both are plain values: copying them is taking a snapshot. One machine,
// one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hypervet::machine {

inline constexpr std::uint64_t kTicksPerSecond = 1'000'000'000;

// `kind` and `argument` mean what the machine says they mean; one event of each pair may be
// pending.
struct Event {
  std::uint64_t when = 0;
  std::uint32_t kind = 0;
  std::uint32_t argument = 0;
};

// A handful of pending events, ordered by time, then by the order in which they were set.
class EventQueue {
 public:
  // Sets the time of the pair's event, replacing an earlier one.
  void set(std::uint64_t when, std::uint32_t kind, std::uint32_t argument) {
    cancel(kind, argument);
    const auto later = [&](const Event& event) { return event.when > when; };
    events_.insert(std::ranges::find_if(events_, later), Event{when, kind, argument});
  }
  void cancel(std::uint32_t kind, std::uint32_t argument) {
    std::erase_if(events_,
                  [&](const Event& e) { return e.kind == kind && e.argument == argument; });
  }
  std::optional<std::uint64_t> next() const {
    if (events_.empty()) return std::nullopt;
    return events_.front().when;
  }
  // Takes the first event if it is due at `now`.
  std::optional<Event> take_due(std::uint64_t now) {
    if (events_.empty() || events_.front().when > now) return std::nullopt;
    const Event event = events_.front();
    events_.erase(events_.begin());
    return event;
  }
  std::span<const Event> pending() const { return events_; }

 private:
  std::vector<Event> events_;
};

}  // namespace hypervet::machine
