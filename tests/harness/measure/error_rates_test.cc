// SPDX-License-Identifier: Apache-2.0
// How often the judgement errs, on simulated machines and on a recording: 1,000 comparisons each,
// with fixed seeds. The default run takes fewer samples and draws than a real comparison; built
// with HV_FULL_SIZE it takes as many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>

#include "harness/measure/compare.h"
#include "tests/harness/measure/noise_model.h"

namespace hypervet::measure::testing {
namespace {

using reports::Outcome;
using reports::TimingRow;

#ifdef HV_FULL_SIZE
constexpr std::size_t kSamples = 1000;
constexpr std::uint64_t kRateDraws = kDraws;
#else
constexpr std::size_t kSamples = 101;
constexpr std::uint64_t kRateDraws = 1000;
#endif
constexpr std::size_t kLaunches = 15;
constexpr std::uint64_t kComparisons = 1000;

struct Rates {
  reports::OutcomeCounts outcomes;
  std::uint64_t excludes_one = 0;     // intervals of 99 % without the ratio 1 ...
  std::uint64_t excludes_truth = 0;   // ... and without the true ratio
  std::uint64_t under_the_floor = 0;  // comparisons whose noise floor is above the true change ...
  std::uint64_t called_there = 0;     // ... and that call a change
  double worst_floor = 0;
};

Rates rates(double change, const std::function<Session(std::uint64_t seed)>& make) {
  Rates result;
  for (std::uint64_t seed = 1; seed <= kComparisons; ++seed) {
    const Session session = make(seed);
    CompareOptions options;
    options.draws = kRateDraws;
    options.seed = seed;
    options.in_turn = true;
    const auto comparison = compare(session.a, session.b, session.aa, options);
    const TimingRow& row = comparison.rows.at(0);
    const bool called = row.outcome == Outcome::kRegressed || row.outcome == Outcome::kImproved;
    ++result.outcomes[row.outcome];
    result.excludes_one += row.ratio.low > 1 || row.ratio.high < 1;
    result.excludes_truth += row.ratio.low > change || row.ratio.high < change;
    result.worst_floor = std::max(result.worst_floor, row.noise_floor);
    if (row.noise_floor > change - 1) {
      ++result.under_the_floor;
      result.called_there += called;
    }
  }
  std::cout << "  change " << change << ':';
  for (const Outcome outcome : reports::kOutcomes)
    std::cout << ' ' << result.outcomes[outcome] << ' ' << name(outcome) << ',';
  std::cout << " interval misses 1: " << result.excludes_one
            << ", misses the truth: " << result.excludes_truth
            << ", under the floor: " << result.under_the_floor
            << ", called there: " << result.called_there << ", worst floor "
            << 100 * result.worst_floor << " %\n";
  return result;
}

Rates simulated(const Machine& machine, double change) {
  return rates(change, [&](std::uint64_t seed) {
    return simulate(machine, change, kLaunches, kSamples, seed);
  });
}

std::uint64_t called(const Rates& rates) {
  return rates.outcomes[Outcome::kRegressed] + rates.outcomes[Outcome::kImproved];
}

const Machine kBusy = {.body = 0.06, .interrupts = 0.05, .launch_shift = 0.015, .burst = 0.15};
const Machine kQuiet = {.body = 0.005, .interrupts = 0.001, .launch_shift = 0.002, .drift = 0.002};

// The first is all that the default run has time for.
#ifdef HV_FULL_SIZE
const Machine kMachines[] = {Machine(), kQuiet, kBusy};
#else
const Machine kMachines[] = {Machine()};
#endif

TEST(ErrorRates, EqualBuildsAreCalledDifferentInAtMostOnePercent) {
  for (const Machine& machine : kMachines) {
    const Rates r = simulated(machine, 1);
    EXPECT_LE(called(r), kComparisons / 100);
    EXPECT_LE(r.excludes_one, kComparisons / 50) << "intervals of 99 % are about that";
  }
}

TEST(ErrorRates, FivePercentAreFoundInAtLeastNinetyFive) {
  for (const Machine& machine : kMachines) {
    if (machine.burst > 0) continue;  // too busy to find it that often
    const Rates r = simulated(machine, 1.05);
    EXPECT_GE(r.outcomes[Outcome::kRegressed], kComparisons * 95 / 100);
    EXPECT_EQ(r.outcomes[Outcome::kImproved], 0u);
    EXPECT_EQ(r.outcomes[Outcome::kEquivalent], 0u);
  }
}

// What is called has its whole interval above the floor, so a true change below it is called only
// where the interval misses the truth: on one side, an interval of 99 % may do so once in 200. On
// machines without bursts it never does.
TEST(ErrorRates, OnePercentIsNotCalledUnderAHigherNoiseFloor) {
  std::uint64_t tried = 0;
  for (const Machine& machine : kMachines) {
    const Rates r = simulated(machine, 1.01);
    tried += r.under_the_floor;
    EXPECT_LE(r.called_there, machine.burst > 0 ? r.under_the_floor / 200 : 0u);
  }
  EXPECT_GT(tried, kComparisons / 4) << "or this tests nothing";
}

Rates recorded(Recording recording, double change) {
  return rates(change, [&](std::uint64_t seed) { return resession(recording, change, seed); });
}

TEST(ErrorRates, OnARecordingOfARealMachine) {
  EXPECT_LE(called(recorded(Recording::kOrdinary, 1)), kComparisons / 100);
  EXPECT_EQ(recorded(Recording::kOrdinary, 1.01).called_there, 0u);
  const Rates slower = recorded(Recording::kOrdinary, 1.05);
  EXPECT_GE(slower.outcomes[Outcome::kRegressed], kComparisons * 95 / 100);
}

#ifdef HV_FULL_SIZE

// A quarter of the launches is disturbed: less is found, but nothing is invented.
TEST(ErrorRates, OnARecordingOfABusyMachine) {
  EXPECT_LE(called(recorded(Recording::kBusy, 1)), kComparisons / 100);
  EXPECT_EQ(recorded(Recording::kBusy, 1.01).called_there, 0u);
  const Rates slower = recorded(Recording::kBusy, 1.05);
  EXPECT_GE(slower.outcomes[Outcome::kRegressed], kComparisons / 2);
  EXPECT_EQ(slower.outcomes[Outcome::kImproved], 0u);
}

// A whole comparison of 40 paths cries wolf in at most 1 % too.
TEST(ErrorRates, ManyPathsShareTheBudgetForFalseAlarms) {
  constexpr int kPaths = 40;
  constexpr int kWhole = 200;
  int alarms = 0;
  for (int whole = 0; whole < kWhole; ++whole) {
    bool alarm = false;
    for (int path = 0; path < kPaths; ++path) {
      const Session session = simulate({}, 1, kLaunches, 101, static_cast<std::uint64_t>(whole),
                                       "kvm.path." + std::to_string(path));
      CompareOptions options;
      options.draws = 1000;
      options.in_turn = true;
      const auto row = compare(session.a, session.b, session.aa, options).rows.at(0);
      alarm |= row.outcome == Outcome::kRegressed || row.outcome == Outcome::kImproved;
    }
    alarms += alarm;
  }
  std::cout << "  " << alarms << " of " << kWhole << " comparisons of " << kPaths << " paths\n";
  EXPECT_LE(alarms, kWhole / 100);
}

#endif

}  // namespace
}  // namespace hypervet::measure::testing
