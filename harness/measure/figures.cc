// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/figures.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hypervet::measure {

double quantile(std::span<const double> sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

std::vector<double> launch_medians(const Launches& launches) {
  std::vector<double> medians;
  for (const std::vector<double>& samples : launches) {
    if (!samples.empty()) medians.push_back(median(samples));
  }
  return medians;
}

Figures figures(const Launches& launches) {
  std::vector<double> all;
  for (const std::vector<double>& samples : launches)
    all.insert(all.end(), samples.begin(), samples.end());
  if (all.empty()) return {};
  std::ranges::sort(all);
  Figures result;
  result.samples = all.size();
  result.min = all.front();
  result.median = median(launch_medians(launches));
  result.p99 = quantile(all, 0.99);
  if (result.median > 0)
    result.spread = (quantile(all, 0.75) - quantile(all, 0.25)) / result.median;
  return result;
}

}  // namespace hypervet::measure
