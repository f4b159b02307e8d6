// SPDX-License-Identifier: Apache-2.0
// The median of a bootstrap resample, drawn without drawing the resample.
//
// A resample takes m of m values with replacement. Where its k-th smallest value stands among the
// sorted values is known: it is at most place j exactly when k or more of the m picks fell on the
// first j places, so P(J <= j) = P(Binomial(m, j/m) >= k) = I_{j/m}(k, m - k + 1), the regularised
// incomplete beta function (Efron, "Bootstrap Methods: Another Look at the Jackknife", The Annals
// of Statistics 7 (1979), section 3). So the place is drawn from that table: the same distribution
// as by resampling, at a thousandth of the cost for a thousand samples.
//
// Of an even number the median needs the places of two neighbours, k = m/2 and k + 1. The later one
// lies beyond l >= j, while the earlier one is j, exactly when k picks fell on the first l places
// and the largest of them is j:
//   P(J = j, J' > l) = C(m, k) ((m - l) / m)^(m - k) ((j/m)^k - ((j - 1)/m)^k).
// So J' = j has a known probability, and otherwise P(J' > l | J, J' > j) = ((m - l) / (m -
// j))^(m-k) is turned around.
//
// Immutable once made; any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "harness/measure/random.h"

namespace hypervet::measure {

class MedianResampler {
 public:
  // For samples of `size` values, at least one.
  explicit MedianResampler(std::size_t size);

  // Places in the sorted sample, from 0; the median is the mean of their values. Equal for an odd
  // size.
  struct Places {
    std::size_t lower;
    std::size_t upper;
  };
  Places draw(Random& random) const {
    const double u = random.unit();
    std::size_t i = guide_[static_cast<std::size_t>(u * static_cast<double>(guide_.size()))];
    while (cumulative_[i] <= u) ++i;
    const std::size_t lower = first_ + i;
    if (size_ % 2 == 1 || random.unit() >= apart_[i]) return {lower, lower};
    return {lower, place_above(lower, random.unit())};
  }

 private:
  std::size_t place_above(std::size_t lower, double u) const;

  std::size_t size_;
  std::size_t first_ = 0;           // place of cumulative_[0]
  std::vector<double> cumulative_;  // P(lower place <= first_ + i); the last is above 1
  std::vector<double> apart_;       // P(upper place is another | lower place); even sizes only
  std::vector<std::size_t> guide_;  // where to begin in cumulative_ for u in [i/n, (i+1)/n)
};

}  // namespace hypervet::measure
