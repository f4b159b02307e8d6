// SPDX-License-Identifier: Apache-2.0
// The figures of a path, from its samples. Pure functions; any thread.
//
// The launch is the sample: what a machine does to one launch (where memory came to lie, which
// neighbour was awake) it does to all of that launch's samples alike. So the median of a path is
// the median of the medians of its launches, and one launch that went wrong does not move it far.
// The other figures describe the samples of all launches together.
//
// Quantiles are those of type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
// American Statistician 50 (1996): of n sorted values the quantile p stands at place (n - 1) p,
// counted from 0, and is interpolated between its two neighbours. So the median of an even number
// of values is the mean of the middle two.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hypervet::measure {

// Samples per operation, one list a launch, each in the order measured.
using Launches = std::vector<std::vector<double>>;

struct Figures {
  std::uint64_t samples = 0;
  double min = 0;
  double median = 0;
  double p99 = 0;
  double spread = 0;  // (quantile 3/4 - quantile 1/4) / median; 0 where the median is not above 0
  bool operator==(const Figures&) const = default;
};

// `sorted` is ascending and not empty; p in [0, 1].
double quantile(std::span<const double> sorted, double p);
// `values` is not empty.
double median(std::vector<double> values);
// Of each launch that has samples.
std::vector<double> launch_medians(const Launches& launches);
// All noughts without samples.
Figures figures(const Launches& launches);

}  // namespace hypervet::measure
