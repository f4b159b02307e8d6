// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ctime>

#include "harness/measure/noise.h"
#include "tests/harness/measure/noise_model.h"

namespace hypervet::measure {
namespace {

using reports::Ratio;

std::optional<RatioDraws> draws_of(const Launches& a, const Launches& b,
                                   Pairing pairing = Pairing::kNone, std::uint64_t seed = 1,
                                   std::uint64_t draws = 2000) {
  Resamplers tables;
  Resampled from_a(a, tables);
  Resampled from_b(b, tables);
  Random random(seed);
  return draw_ratios(from_a, from_b, draws, random, pairing);
}

Launches constant(double value, std::size_t launches) {
  return Launches(launches, std::vector<double>(20, value));
}

TEST(Bootstrap, WithoutNoiseTheIntervalIsTheRatio) {
  const auto drawn = draws_of(constant(1000, 15), constant(1030, 15));
  ASSERT_TRUE(drawn);
  const Ratio ratio = interval(*drawn, 0.99);
  EXPECT_DOUBLE_EQ(ratio.value, 1.03);
  EXPECT_DOUBLE_EQ(ratio.low, 1.03);
  EXPECT_DOUBLE_EQ(ratio.high, 1.03);
}

TEST(Bootstrap, TheSeedIsAllThatChanceDependsOn) {
  const auto session = testing::simulate({}, 1, 15, 50, 1);
  const Launches& a = session.a.paths[0].launches;
  const Launches& b = session.b.paths[0].launches;
  EXPECT_EQ(draws_of(a, b)->sorted_draws, draws_of(a, b)->sorted_draws);
  EXPECT_NE(draws_of(a, b)->sorted_draws, draws_of(a, b, Pairing::kNone, /*seed=*/2)->sorted_draws);
}

// With no spread within launches the draws are those of a median of n values, whose distribution is
// known: P(median at place j or below).
TEST(Bootstrap, LaunchesAreDrawnWithReplacement) {
  Launches a;
  for (const double median : {1.0, 2.0, 3.0}) a.push_back(std::vector<double>(5, median));
  const auto drawn = draws_of(a, constant(1, 3), Pairing::kNone, 1, 30'000);
  ASSERT_TRUE(drawn);
  double threes = 0;
  for (const double ratio : drawn->sorted_draws) threes += ratio == 1.0 / 3;
  EXPECT_NEAR(threes / 30'000, 7.0 / 27, 0.01) << "two or three of three picks are the third";
}

TEST(Bootstrap, SpreadWithinLaunchesCountsToo) {
  Launches a(15);
  for (auto& samples : a)
    for (int i = 0; i < 101; ++i) samples.push_back(900 + 2 * i);
  const Ratio ratio = interval(*draws_of(a, constant(1000, 15)), 0.99);
  EXPECT_DOUBLE_EQ(ratio.value, 1);
  EXPECT_LT(ratio.low, 0.999);
  EXPECT_GT(ratio.high, 1.001) << "although all launches have the same median";
}

TEST(Bootstrap, NeighboursShareWhatTheMachineDoes) {
  Launches a;
  Launches b;
  for (int i = 0; i < 15; ++i) {  // grows busier by 4 % a launch
    a.push_back(std::vector<double>(9, 1000 * std::pow(1.04, i)));
    b.push_back(std::vector<double>(9, 1050 * std::pow(1.04, i)));
  }
  const Ratio paired = interval(*draws_of(a, b, Pairing::kNeighbours), 0.99);
  EXPECT_NEAR(paired.low, 1.05, 1e-12);
  EXPECT_NEAR(paired.high, 1.05, 1e-12);
  const Ratio apart = interval(*draws_of(a, b), 0.99);
  EXPECT_LT(apart.low, 0.9);
  EXPECT_GT(apart.high, 1.2);
}

TEST(Bootstrap, NoRatioOfWhatIsNotAboveZero) {
  EXPECT_FALSE(draws_of(constant(0, 15), constant(1, 15)));
  EXPECT_FALSE(draws_of(constant(1, 15), constant(-1, 15)));
  EXPECT_FALSE(draws_of({}, constant(1, 15)));
  EXPECT_FALSE(draws_of(constant(1, 15), {{}, {}}));
  Launches near_zero(15, {-1, 0, 0.5, 1, 2});
  EXPECT_FALSE(draws_of(near_zero, constant(1, 15))) << "its median is 0.5, but not in every draw";
}

// 2 x 15 launches of 1,000 samples, 10,000 draws: within a second, ten times over.
TEST(Bootstrap, IsFast) {
  const auto session = testing::simulate({}, 1, 15, 1000, 1);
  const std::clock_t start = std::clock();
  ASSERT_TRUE(draws_of(session.a.paths[0].launches, session.b.paths[0].launches, Pairing::kNone, 1,
                       10'000));
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 1);
}

TEST(NoiseFloor, IsWhatTwoResamplesDifferBy) {
  Resamplers tables;
  Random random(1);
  EXPECT_EQ(own_noise_floor(constant(7, 15), 1000, random, tables), 0);
  EXPECT_EQ(own_noise_floor({}, 1000, random, tables), 0);
  const auto quiet = testing::simulate({.launch_shift = 0.002}, 1, 15, 100, 1);
  const auto loud = testing::simulate({.launch_shift = 0.02}, 1, 15, 100, 1);
  const double low = own_noise_floor(quiet.a.paths[0].launches, 1000, random, tables);
  const double high = own_noise_floor(loud.a.paths[0].launches, 1000, random, tables);
  EXPECT_GT(low, 0.002);
  EXPECT_LT(low, 0.03);
  EXPECT_GT(high, 2 * low);
}

TEST(NoiseFloor, OfAComparisonWithItselfIsItsFarthestBound) {
  EXPECT_NEAR(noise_floor({1.0, 0.98, 1.01}), 1 / 0.98 - 1, 1e-12);
  EXPECT_NEAR(noise_floor({1.02, 1.01, 1.03}), 0.03, 1e-12);
  EXPECT_DOUBLE_EQ(noise_floor({1, 1, 1}), 0);
}

TEST(NoiseFloor, FewLaunchesAreCutIntoBlocks) {
  Launches one(1);
  for (int i = 0; i < 1000; ++i) one[0].push_back(i);
  const Launches blocks = launches_or_blocks(one);
  ASSERT_EQ(blocks.size(), 10u);
  EXPECT_EQ(blocks[3].front(), 300);
  EXPECT_EQ(blocks[9].size(), 100u);
  EXPECT_EQ(launches_or_blocks(Launches(3, std::vector<double>(100, 1))).size(), 12u);
  EXPECT_EQ(launches_or_blocks(Launches(1, std::vector<double>(20, 1))).size(), 1u)
      << "blocks of fewer than 16 samples say little";
  EXPECT_EQ(launches_or_blocks(Launches(8, std::vector<double>(100, 1))).size(), 8u);
  EXPECT_TRUE(launches_or_blocks({}).empty());
}

}  // namespace
}  // namespace hypervet::measure
