// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/sampling.h"

#include <algorithm>

namespace hypervet::measure {

std::uint64_t lower_median(std::span<const std::uint64_t> values) {
  std::vector<std::uint64_t> copy(values.begin(), values.end());
  const auto middle = copy.begin() + static_cast<std::ptrdiff_t>((copy.size() - 1) / 2);
  std::ranges::nth_element(copy, middle);
  return *middle;
}

std::vector<double> per_operation(std::span<const std::uint64_t> batches,
                                  std::span<const std::uint64_t> empty, std::uint64_t batch) {
  const std::uint64_t own = lower_median(empty);
  std::vector<double> result;
  result.reserve(batches.size());
  for (const std::uint64_t ticks : batches) {
    const double net =
        ticks >= own ? static_cast<double>(ticks - own) : -static_cast<double>(own - ticks);
    result.push_back(net / static_cast<double>(batch));
  }
  return result;
}

}  // namespace hypervet::measure
