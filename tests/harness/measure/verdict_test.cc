// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/verdict.h"

#include <gtest/gtest.h>

#include <numeric>

#include "harness/measure/schedule.h"

namespace hypervet::measure {
namespace {

using reports::Outcome;
using reports::Ratio;

// The interval of 90 % is taken half as wide as that of 99 %.
Outcome judged(double value, double half, double floor, double margin = 0.02) {
  return judge({{value, value - half, value + half},
                {value, value - half / 2, value + half / 2},
                floor,
                margin});
}

TEST(Verdict, ByTheInterval) {
  EXPECT_EQ(judged(1.05, 0.01, 0.005), Outcome::kRegressed);
  EXPECT_EQ(judged(0.95, 0.01, 0.005), Outcome::kImproved);
  EXPECT_EQ(judged(1.00, 0.01, 0.005), Outcome::kEquivalent);
  EXPECT_EQ(judged(1.00, 0.10, 0.005), Outcome::kInconclusive);
  EXPECT_EQ(judged(1.05, 0.06, 0.005), Outcome::kInconclusive) << "the interval contains 1";
}

TEST(Verdict, NothingIsCalledUnderTheNoiseFloor) {
  EXPECT_EQ(judged(1.05, 0.01, 0.05), Outcome::kInconclusive);
  EXPECT_EQ(judged(1.05, 0.01, 0.039), Outcome::kRegressed);
  EXPECT_EQ(judged(0.96, 0.01, 0.05), Outcome::kEquivalent) << "within 5 % with confidence";
}

TEST(Verdict, SmallChangesAreOfNoInterestHoweverSure) {
  EXPECT_EQ(judged(1.015, 0.001, 0), Outcome::kEquivalent);
  EXPECT_EQ(judged(1.015, 0.001, 0, 0.01), Outcome::kRegressed);
  EXPECT_EQ(judged(1.019, 0.004, 0), Outcome::kInconclusive) << "perhaps 2 %";
}

TEST(Verdict, WithoutAnyNoiseTheMarginDecides) {
  EXPECT_EQ(judged(1, 0, 0), Outcome::kEquivalent);
  EXPECT_EQ(judged(1.03, 0, 0), Outcome::kRegressed);
  EXPECT_EQ(judged(1.01, 0, 0), Outcome::kEquivalent);
}

TEST(Verdict, IsTheSameSeenFromTheOtherSide) {
  for (double value = 0.9; value < 1.1; value += 0.003) {
    for (const double half : {0.002, 0.02, 0.05}) {
      const Ratio forth{value, value - half, value + half};
      const Ratio back{1 / value, 1 / forth.high, 1 / forth.low};
      const Outcome there = judge({forth, forth, 0.011, 0.02});
      const Outcome here = judge({back, back, 0.011, 0.02});
      const auto mirrored = there == Outcome::kRegressed  ? Outcome::kImproved
                            : there == Outcome::kImproved ? Outcome::kRegressed
                                                          : there;
      EXPECT_EQ(here, mirrored) << value << " +- " << half;
    }
  }
}

TEST(Verdict, CountedCostsDifferByWhatTheyDifferBy) {
  EXPECT_EQ(judge_exact(1000, 1000, 0), Outcome::kEquivalent);
  EXPECT_EQ(judge_exact(1000, 1001, 0), Outcome::kRegressed);
  EXPECT_EQ(judge_exact(1000, 999.5, 0), Outcome::kImproved);
  EXPECT_EQ(judge_exact(1000, 1010, 0.01), Outcome::kEquivalent);
  EXPECT_EQ(judge_exact(1000, 1011, 0.01), Outcome::kRegressed);
}

// Sum over the launches of a side of place^power: what a drift of that shape adds to it.
long burden(const std::vector<Turn>& turns, Turn side, int power) {
  long sum = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    long term = 1;
    for (int p = 0; p < power; ++p) term *= static_cast<long>(i);
    if (turns[i] == side) sum += term;
  }
  return sum;
}

TEST(Schedule, BeginsAbbaAndHasAllLaunches) {
  const std::vector<Turn> first = plan(4);
  using enum Turn;
  EXPECT_EQ(first, (std::vector<Turn>{kA, kB, kB, kA, kB, kA, kA, kB}));
  for (std::size_t n = 0; n <= 40; ++n) {
    const auto turns = plan(n);
    EXPECT_EQ(burden(turns, kA, 0), static_cast<long>(n));
    EXPECT_EQ(burden(turns, kB, 0), static_cast<long>(n));
    for (std::size_t i = 0; i < n; ++i)
      EXPECT_NE(turns[2 * i], turns[2 * i + 1]) << "the i-th launches are neighbours";
  }
}

TEST(Schedule, DriftBurdensBothSidesAlike) {
  for (std::size_t n = 1; n <= 40; ++n) {
    const auto turns = plan(n);
    const long uneven = burden(turns, Turn::kA, 1) - burden(turns, Turn::kB, 1);
    EXPECT_EQ(std::abs(uneven), static_cast<long>(n % 2)) << n << " launches a side";
    if (n % 4 != 0) continue;
    EXPECT_EQ(burden(turns, Turn::kA, 2), burden(turns, Turn::kB, 2)) << n;
  }
}

}  // namespace
}  // namespace hypervet::measure
