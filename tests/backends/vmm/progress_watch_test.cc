// SPDX-License-Identifier: Apache-2.0
// The watch looks at this very process, which uses as much processor time as a test says.
#include "backends/vmm/progress_watch.h"

#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <functional>

namespace hypervet::vmm {
namespace {

using namespace std::chrono_literals;
using State = ProgressWatch::State;
using std::chrono::nanoseconds;

constexpr backends::Limits kLimits{.deadline = 60s, .no_progress = 100ms};
constexpr auto kPatience = 200ms;  // kPatience times no_progress
constexpr auto kStillPatience = 35ms;

nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

void use(nanoseconds time) {
  const auto end = processor_time() + time;
  while (processor_time() < end) {
  }
}

struct End {
  State state;
  nanoseconds used;
};

// Looks every 2 ms of processor time until the watch has an opinion, or for `most`.
End end_of(const std::function<State(ProgressWatch&)>& look, nanoseconds most = 2s) {
  ProgressWatch watch(::getpid(), kLimits);
  const auto begun = processor_time();
  for (;;) {
    use(2ms);
    const auto state = look(watch);
    if (state != State::kRuns || processor_time() - begun >= most) return {state, watch.used()};
  }
}

TEST(ProgressWatch, WhoGetsOnRuns) {
  std::uint64_t progress = 0;
  const std::array<std::uint8_t, 64> memory{};
  const auto end = end_of([&](auto& watch) { return watch.look(++progress, memory); }, 300ms);
  EXPECT_EQ(end.state, State::kRuns);
}

TEST(ProgressWatch, WithoutMemoryToSeeThePatienceIsWhole) {
  const auto end = end_of([](auto& watch) { return watch.look(7); });
  EXPECT_EQ(end.state, State::kStands);
  EXPECT_GE(end.used, kPatience);
}

TEST(ProgressWatch, MemoryThatFillsHasTheWholePatience) {
  std::array<std::uint8_t, 64> memory{};
  const auto end = end_of([&](auto& watch) {
    ++memory[3];
    return watch.look(7, memory);
  });
  EXPECT_EQ(end.state, State::kStands);
  EXPECT_GE(end.used, kPatience);
}

TEST(ProgressWatch, StillMemoryStandsSooner) {
  const std::array<std::uint8_t, 64> memory{};
  const auto end = end_of([&](auto& watch) { return watch.look(7, memory); });
  EXPECT_EQ(end.state, State::kStands);
  EXPECT_GE(end.used, kStillPatience);
  EXPECT_LT(end.used, kPatience);
}

TEST(ProgressWatch, AFlagToAndFroIsNothingNew) {
  std::array<std::uint8_t, 64> memory{};
  const auto end = end_of([&](auto& watch) {
    memory[3] ^= 1;
    return watch.look(7, memory);
  });
  EXPECT_EQ(end.state, State::kStands);
  EXPECT_LT(end.used, kPatience);
}

TEST(ProgressWatch, ProgressMakesAmendsForStillMemory) {
  const std::array<std::uint8_t, 64> memory{};
  int looks = 0;
  const auto end = end_of(
      [&](auto& watch) {
        return watch.look(static_cast<std::uint64_t>(++looks / 15), memory);  // every 30 ms
      },
      300ms);
  EXPECT_EQ(end.state, State::kRuns);
}

TEST(ProgressWatch, WhatASleeperTakesDoesNotAddUp) {
  const std::array<std::uint8_t, 64> memory{};
  ProgressWatch watch(::getpid(), kLimits);
  State state = State::kRuns;
  for (int i = 0; i < 30; ++i) {
    use(2ms);
    ::usleep(48'000);
    state = watch.look(7, memory);
    ASSERT_NE(state, State::kStands);
  }
  EXPECT_GE(watch.used(), kStillPatience);
  EXPECT_EQ(state, State::kSleeps);
}

TEST(ProgressWatch, WhoUsesNothingSleeps) {
  ProgressWatch watch(::getpid(), kLimits);
  ASSERT_EQ(watch.look(7), State::kRuns);
  ::usleep(1'100'000);
  EXPECT_EQ(watch.look(7), State::kSleeps);
}

}  // namespace
}  // namespace hypervet::vmm
