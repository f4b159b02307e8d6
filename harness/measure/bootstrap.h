// SPDX-License-Identifier: Apache-2.0
// The hierarchical bootstrap of a ratio of medians: a draw takes as many launches as there are,
// with replacement, then within each as many samples as it has, and recomputes the ratio (Davison
// and Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8). The samples of a
// launch are not independent of each other, the launches are; drawing samples alone would give
// intervals that are far too narrow.
//
// Intervals are percentile intervals (Efron and Tibshirani, "An Introduction to the Bootstrap"
// (1993), chapter 13); they are the same for a ratio and for its logarithm. Not BCa: its
// acceleration comes from the jackknife, which is inconsistent for medians (there, section 10.6).
// Drawing on both levels counts the variance within launches twice, which errs on the wide side.
//
// Pure but for the Random handed in; a Resampled belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "harness/measure/figures.h"
#include "harness/measure/median_resampler.h"
#include "harness/measure/random.h"
#include "reports/comparison.h"

namespace hypervet::measure {

// Tables by the number of samples, each made once. Must outlive the Resampled that use it.
class Resamplers {
 public:
  const MedianResampler& of(std::size_t samples);

 private:
  std::map<std::size_t, MedianResampler> tables_;
};

// The launches of one side, ready to be drawn from. Launches without samples are left out.
class Resampled {
 public:
  Resampled(const Launches& launches, Resamplers& tables);

  std::size_t launches() const { return sorted_.size(); }
  // Of each launch.
  const std::vector<double>& medians() const { return medians_; }
  // Of a resample of the launch's samples.
  double draw(std::size_t launch, Random& random) const {
    const auto [lower, upper] = tables_[launch]->draw(random);
    return (sorted_[launch][lower] + sorted_[launch][upper]) / 2;
  }
  // The median of the medians of a resample of the launches and of their samples.
  double draw(Random& random);

 private:
  std::vector<std::vector<double>> sorted_;
  std::vector<const MedianResampler*> tables_;
  std::vector<double> medians_;
  std::vector<double> drawn_;  // scratch
};

// What launch i of one side has to do with launch i of the other.
enum class Pairing {
  // Nothing. The ratio is that of the medians of the sides' launches.
  kNone,
  // They ran at about the same time, or are the same launch: what a busy neighbour or a warm
  // processor does to one of them it does to the other. The ratio is the median of the ratios of
  // the pairs, and pairs are drawn. Both sides have equally many launches.
  kNeighbours,
};

struct RatioDraws {
  double value = 0;                  // b / a, of the launches as they are
  std::vector<double> sorted_draws;  // the same of each resample, ascending
};

// std::nullopt when a median, drawn or not, is not above 0: then there is no ratio.
std::optional<RatioDraws> draw_ratios(Resampled& a, Resampled& b, std::uint64_t draws,
                                      Random& random, Pairing pairing);

// The ratio with its percentile interval of `confidence`.
reports::Ratio interval(const RatioDraws& draws, double confidence);

}  // namespace hypervet::measure
