// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/bootstrap.h"

#include <algorithm>

namespace hypervet::measure {
namespace {

// Leaves `values` in another order; there must be one.
double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

std::optional<double> ratio(double a, double b) {
  if (a <= 0 || b <= 0) return std::nullopt;
  return b / a;
}

std::optional<RatioDraws> draw_sides(Resampled& a, Resampled& b, std::uint64_t draws,
                                     Random& random) {
  const auto observed = ratio(median(a.medians()), median(b.medians()));
  if (!observed) return std::nullopt;
  RatioDraws result{*observed, {}};
  result.sorted_draws.reserve(draws);
  for (std::uint64_t i = 0; i < draws; ++i) {
    const double from_a = a.draw(random);
    const auto drawn = ratio(from_a, b.draw(random));
    if (!drawn) return std::nullopt;
    result.sorted_draws.push_back(*drawn);
  }
  std::ranges::sort(result.sorted_draws);
  return result;
}

std::optional<RatioDraws> draw_pairs(const Resampled& a, const Resampled& b, std::uint64_t draws,
                                     Random& random) {
  std::vector<double> pairs(a.launches());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto observed = ratio(a.medians()[i], b.medians()[i]);
    if (!observed) return std::nullopt;
    pairs[i] = *observed;
  }
  RatioDraws result{median_of(pairs), {}};
  result.sorted_draws.reserve(draws);
  for (std::uint64_t i = 0; i < draws; ++i) {
    for (double& pair : pairs) {
      const std::size_t pick = random.below(pairs.size());
      const double from_a = a.draw(pick, random);
      const auto drawn = ratio(from_a, b.draw(pick, random));
      if (!drawn) return std::nullopt;
      pair = *drawn;
    }
    result.sorted_draws.push_back(median_of(pairs));
  }
  std::ranges::sort(result.sorted_draws);
  return result;
}

}  // namespace

const MedianResampler& Resamplers::of(std::size_t samples) {
  return tables_.try_emplace(samples, samples).first->second;
}

Resampled::Resampled(const Launches& launches, Resamplers& tables) {
  for (const std::vector<double>& samples : launches) {
    if (samples.empty()) continue;
    std::vector<double>& sorted = sorted_.emplace_back(samples);
    std::ranges::sort(sorted);
    medians_.push_back(quantile(sorted, 0.5));
    tables_.push_back(&tables.of(sorted.size()));
  }
  drawn_.resize(sorted_.size());
}

double Resampled::draw(Random& random) {
  for (double& value : drawn_) value = draw(random.below(sorted_.size()), random);
  return median_of(drawn_);
}

std::optional<RatioDraws> draw_ratios(Resampled& a, Resampled& b, std::uint64_t draws,
                                      Random& random, Pairing pairing) {
  if (a.launches() == 0 || b.launches() == 0) return std::nullopt;
  return pairing == Pairing::kNone ? draw_sides(a, b, draws, random)
                                   : draw_pairs(a, b, draws, random);
}

reports::Ratio interval(const RatioDraws& draws, double confidence) {
  const double tail = (1 - confidence) / 2;
  const double low = quantile(draws.sorted_draws, tail);
  const double high = quantile(draws.sorted_draws, 1 - tail);
  // The ratio of the samples as they are lies within, also where the draws are lopsided.
  return {draws.value, std::min(draws.value, low), std::max(draws.value, high)};
}

}  // namespace hypervet::measure
