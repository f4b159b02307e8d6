// SPDX-License-Identifier: Apache-2.0
// The drawn places against resampling as the textbook has it.
#include "harness/measure/median_resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace hypervet::measure {
namespace {

using Place = std::pair<std::size_t, std::size_t>;

Place places_of(std::vector<std::size_t> picks) {
  std::ranges::sort(picks);
  return {picks[(picks.size() - 1) / 2], picks[picks.size() / 2]};
}

std::map<Place, double> drawn(std::size_t size, int draws) {
  const MedianResampler resampler(size);
  Random random(size);
  std::map<Place, double> shares;
  for (int i = 0; i < draws; ++i) {
    const auto [lower, upper] = resampler.draw(random);
    shares[{lower, upper}] += 1.0 / draws;
  }
  return shares;
}

// Every one of the size^size resamples, counted.
TEST(MedianResampler, SmallSamplesAgreeWithAllResamplesThereAre) {
  constexpr int kTries = 200'000;
  for (std::size_t size = 1; size <= 6; ++size) {
    std::map<Place, double> exact;
    std::size_t resamples = 1;
    for (std::size_t i = 0; i < size; ++i) resamples *= size;
    for (std::size_t number = 0; number < resamples; ++number) {
      std::vector<std::size_t> picks;
      for (std::size_t rest = number; picks.size() < size; rest /= size)
        picks.push_back(rest % size);
      exact[places_of(std::move(picks))] += 1.0 / static_cast<double>(resamples);
    }
    auto seen = drawn(size, kTries);
    for (const auto& [place, probability] : exact) {
      const double tolerance = 5 * std::sqrt(probability / kTries);
      EXPECT_NEAR(seen[place], probability, tolerance)
          << "places " << place.first << ", " << place.second << " of " << size;
    }
    EXPECT_EQ(seen.size(), exact.size()) << "no place that no resample gives";
  }
}

// Kolmogorov's distance between the drawn medians and those of real resamples.
TEST(MedianResampler, LargeSamplesAgreeWithResampling) {
  constexpr int kTries = 20'000;
  for (const std::size_t size : {99u, 100u, 1000u}) {
    std::map<std::size_t, int> difference;  // by the sum of the places
    Random random(7);
    const MedianResampler resampler(size);
    std::vector<std::size_t> picks(size);
    for (int i = 0; i < kTries; ++i) {
      for (std::size_t& pick : picks) pick = random.below(size);
      const auto [lower, upper] = places_of(picks);
      ++difference[lower + upper];
      const auto quick = resampler.draw(random);
      --difference[quick.lower + quick.upper];
    }
    int running = 0;
    int farthest = 0;
    for (const auto& [place, count] : difference) {
      running += count;
      farthest = std::max(farthest, std::abs(running));
    }
    // At 0.1 %: 1.95 sqrt(2 / tries).
    EXPECT_LT(farthest, 1.95 * std::sqrt(2.0 * kTries)) << size;
  }
}

TEST(MedianResampler, HugeSamplesStayWithinBounds) {
  const std::size_t size = 1'000'000;
  const MedianResampler resampler(size);
  Random random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto [lower, upper] = resampler.draw(random);
    ASSERT_LE(lower, upper);
    ASSERT_NEAR(static_cast<double>(lower), 500'000, 6'000) << "12 standard deviations";
    ASSERT_LT(upper, size);
  }
}

}  // namespace
}  // namespace hypervet::measure
