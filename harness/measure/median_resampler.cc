// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/median_resampler.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

namespace hypervet::measure {
namespace {

// The place of the median has a standard deviation of about sqrt(m)/2; what lies ten of them out
// has a probability below 1e-22, less than one draw in all that will ever be made.
std::size_t reach(std::size_t size) {
  return static_cast<std::size_t>(5 * std::sqrt(static_cast<double>(size))) + 2;
}

// Without the detour through long double, which costs tenfold and gains nothing here.
using Quick = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
using Binomial = boost::math::binomial_distribution<double, Quick>;

}  // namespace

MedianResampler::MedianResampler(std::size_t size) : size_(size) {
  const double m = static_cast<double>(size);
  const std::size_t k = (size + 1) / 2;  // counted from 1
  const double rank = static_cast<double>(k);
  first_ = k > reach(size) ? k - reach(size) : 0;
  const std::size_t last = std::min(size, k + reach(size));  // counted from 1
  double before = 0;
  for (std::size_t j = first_ + 1; j <= last; ++j) {
    const double share = static_cast<double>(j) / m;
    const double up_to = j == size ? 1 : boost::math::ibeta(rank, m - rank + 1, share, Quick());
    cumulative_.push_back(up_to);
    if (size % 2 == 0) {
      const double place = static_cast<double>(j);
      const double both =
          boost::math::pdf(Binomial(m, share), rank) * -std::expm1(rank * std::log1p(-1 / place));
      const double here = up_to - before;
      apart_.push_back(here > 0 ? std::clamp(both / here, 0.0, 1.0) : 0);
    }
    before = up_to;
  }
  cumulative_.back() = 2;  // whatever rounding left: the search ends here
  guide_.resize(4 * cumulative_.size());
  std::size_t i = 0;
  for (std::size_t g = 0; g < guide_.size(); ++g) {
    const double least = static_cast<double>(g) / static_cast<double>(guide_.size());
    while (cumulative_[i] <= least) ++i;
    guide_[g] = i;
  }
}

// In the words of the header, with j = lower + 1: J' > l exactly when u <= ((m - l) / (m - j))^k.
std::size_t MedianResampler::place_above(std::size_t lower, double u) const {
  const double m = static_cast<double>(size_);
  const double left = m - static_cast<double>(lower + 1);
  const double k = m / 2;
  const auto upper = static_cast<std::size_t>(m - left * std::pow(u, 1 / k));
  return std::clamp(upper, lower + 1, size_ - 1);
}

}  // namespace hypervet::measure
