// SPDX-License-Identifier: Apache-2.0
#include "reports/html/strip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/text.h"

namespace hypervet::reports::html {
namespace {

struct Sample {
  double cost;
  std::size_t taken;  // its number in the order of taking
};

constexpr double kLogFrom = 6;   // p99 / min from which a linear axis would press the bulk flat
constexpr double kLogTail = 20;  // how many times p99 a logarithmic axis reaches

bool has_quantiles(const Path& path) {
  return plottable(path.min) && plottable(path.median) && plottable(path.p99);
}

// Around one value: a tenth to either side.
Axis around(double value) {
  const double reach = value == 0 ? 1 : std::abs(value) / 10;
  return {value - reach, value + reach, Growth::kLinear};
}

Axis axis_for(const Path& path, double cheapest, double dearest) {
  double low = cheapest;
  double bulk = dearest;
  if (has_quantiles(path)) {
    low = std::min({path.min, path.median, path.p99});
    bulk = std::max({path.min, path.median, path.p99});
  }
  if (low > 0 && bulk / low >= kLogFrom)
    return {low, std::clamp(dearest, bulk, bulk * kLogTail), Growth::kLog};
  // Half as far again as p99 is from min; at least something where p99 is min.
  const double width = std::max(bulk - low, std::abs(low) * 1e-3);
  const double high = std::clamp(dearest, bulk, bulk + width / 2);
  if (!(high - low > std::abs(low) * 1e-12)) return around(low);
  return {low, high, Growth::kLinear};
}

}  // namespace

Strip strip(const Path& path) {
  Strip result;
  std::vector<Sample> sorted;
  for (const auto& launch : path.launches) {
    for (const double cost : launch) {
      if (plottable(cost)) sorted.push_back({cost, result.samples});
      ++result.samples;
    }
  }
  result.no_numbers = result.samples - sorted.size();
  if (sorted.empty()) return result;
  std::ranges::stable_sort(sorted, {}, &Sample::cost);
  result.largest = sorted.back().cost;
  result.constant = result.no_numbers == 0 && sorted.front().cost == sorted.back().cost;
  result.axis = axis_for(path, sorted.front().cost, sorted.back().cost);
  const Axis& axis = *result.axis;
  const auto first = std::ranges::lower_bound(sorted, axis.low(), {}, &Sample::cost);
  const auto last = std::ranges::upper_bound(sorted, axis.high(), {}, &Sample::cost);
  result.below = static_cast<std::uint64_t>(first - sorted.begin());
  result.beyond = static_cast<std::uint64_t>(sorted.end() - last);
  result.drawn_from = static_cast<std::uint64_t>(last - first);
  // Every so many ranks, the first and the last among them: the dots are as dense as the samples.
  const std::size_t size = result.drawn_from;
  const std::size_t count = std::min(size, Strip::kMostDots);
  const double latest = std::max<double>(1, static_cast<double>(result.samples - 1));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t rank = count > 1 ? i * (size - 1) / (count - 1) : 0;
    const Sample& sample = first[static_cast<std::ptrdiff_t>(rank)];
    result.dots.push_back({axis.place(sample.cost), static_cast<double>(sample.taken) / latest});
  }
  return result;
}

std::string note(const Strip& strip, const Path& path) {
  if (!strip.axis) return "No sample of this path is a number that can be drawn.";
  std::string text = path.unit + " per operation";
  if (strip.axis->growth() == Growth::kLog) text += ", logarithmic axis";
  text += "; ";
  if (strip.constant) {
    text += strip.samples == 1 ? "1 sample" : fmt::format("all {} samples agree", strip.samples);
  } else if (strip.dots.size() < strip.samples) {
    text += fmt::format("{} of {} samples drawn, evenly by rank", strip.dots.size(), strip.samples);
  } else {
    text += counted(strip.samples, "sample");
  }
  if (path.launches.size() > 1) text += fmt::format(", {} launches", path.launches.size());
  if (strip.beyond > 0) {
    text += fmt::format("; {} {} beyond the axis, the dearest at {}", strip.beyond,
                        strip.beyond == 1 ? "lies" : "lie", number_text(strip.largest));
  }
  if (strip.below > 0) text += fmt::format("; {} below it", strip.below);
  if (strip.no_numbers > 0) text += fmt::format("; {} no numbers", strip.no_numbers);
  return text;
}

}  // namespace hypervet::reports::html
