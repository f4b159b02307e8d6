// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/noise.h"

#include <algorithm>
#include <vector>

namespace hypervet::measure {
namespace {

constexpr std::size_t kBlocks = 10;         // in all launches together
constexpr std::size_t kSmallestBlock = 16;  // samples: a median of fewer says little

}  // namespace

Launches launches_or_blocks(const Launches& launches) {
  if (launches.empty() || launches.size() >= kFewestLaunches) return launches;
  const std::size_t wanted = (kBlocks + launches.size() - 1) / launches.size();
  Launches blocks;
  for (const std::vector<double>& samples : launches) {
    const std::size_t pieces = std::clamp<std::size_t>(samples.size() / kSmallestBlock, 1, wanted);
    for (std::size_t i = 0; i < pieces; ++i) {
      const auto place = [&](std::size_t piece) {
        return samples.begin() + static_cast<std::ptrdiff_t>(piece * samples.size() / pieces);
      };
      blocks.emplace_back(place(i), place(i + 1));
    }
  }
  return blocks;
}

double own_noise_floor(const Launches& launches, std::uint64_t draws, Random& random,
                       Resamplers& tables) {
  Resampled side(launches_or_blocks(launches), tables);
  if (side.launches() == 0) return 0;
  std::vector<double> differences;
  differences.reserve(draws);
  for (std::uint64_t i = 0; i < draws; ++i) {
    const double one = side.draw(random);
    const double other = side.draw(random);
    if (one <= 0 || other <= 0) return 0;
    differences.push_back(std::max(one / other, other / one) - 1);
  }
  std::ranges::sort(differences);
  return quantile(differences, kNoiseConfidence);
}

double noise_floor(const reports::Ratio& against_itself) {
  return std::max(against_itself.high, 1 / against_itself.low) - 1;
}

}  // namespace hypervet::measure
