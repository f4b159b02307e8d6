// SPDX-License-Identifier: Apache-2.0
// A figure beside its floor: both are measured in one run, in turns, so that whatever else the host
// does hits both. Medians say what is usual, the least what the code costs by itself; `ratio` is of
// the medians, `best_ratio` of the least. One thread.
#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace hypervet::benchmarks {

// What the function takes, in seconds of that clock: CLOCK_MONOTONIC, or CLOCK_PROCESS_CPUTIME_ID
// where other work on the host should not count.
template <typename Function>
double seconds(clockid_t clock, Function&& function) {
  const auto now = [clock] {
    timespec at{};
    clock_gettime(clock, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
  };
  const double begin = now();
  std::forward<Function>(function)();
  return now() - begin;
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

struct Unit {
  double per_second = 1;
  const char* name = "s";
};
inline constexpr Unit kMilliseconds{1e3, "ms"};
inline constexpr Unit kMicroseconds{1e6, "us"};
inline constexpr Unit kNanoseconds{1e9, "ns"};

// `ours` and `floor` return seconds. ABBA, so that neither always comes second. Returns the least
// of ours.
template <typename Ours, typename Floor>
double compare(benchmark::State& state, const Unit& unit, Ours&& ours, Floor&& floor) {
  std::vector<double> above, below;
  bool ours_first = true;
  for ([[maybe_unused]] auto turn : state) {
    if (ours_first) above.push_back(ours());
    below.push_back(floor());
    if (!ours_first) above.push_back(ours());
    ours_first = !ours_first;
    state.SetIterationTime(above.back());
  }
  if (above.empty()) return 0;
  const double least = std::ranges::min(above), least_floor = std::ranges::min(below);
  const std::string name = unit.name;
  state.counters["median_" + name] = median(above) * unit.per_second;
  state.counters["best_" + name] = least * unit.per_second;
  state.counters["floor_" + name] = least_floor * unit.per_second;
  state.counters["ratio"] = median(above) / median(below);
  state.counters["best_ratio"] = least / least_floor;
  return least;
}

}  // namespace hypervet::benchmarks
