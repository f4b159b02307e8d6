// SPDX-License-Identifier: Apache-2.0
#include "reports/html/dividends.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hypervet::reports::html {
namespace {

// What an axis reaches at most: a wild bound would press all other bars against 1x.
constexpr double kLeast = 1e-3;
constexpr double kMost = 1e5;

bool positive(double value) { return plottable(value) && value > 0; }

// The bounds of the interval, or the value where a bound is no number or on its wrong side.
Dividend tidy(const Dividend& d) {
  return {d.value, positive(d.low) ? std::min(d.low, d.value) : d.value,
          positive(d.high) ? std::max(d.high, d.value) : d.value};
}

// Nobody who reads the figures sees a difference from 1. `d` is tidy.
bool reads_as_even(const Dividend& d) {
  return number_text(d.low) == "1" && number_text(d.high) == "1";
}

// `d` is tidy.
Payoff payoff_of(const Dividend& d) {
  if (reads_as_even(d)) return Payoff::kUnclear;
  if (d.low > 1) return Payoff::kCheaper;
  return d.high < 1 ? Payoff::kDearer : Payoff::kUnclear;
}

Axis axis_for(const std::vector<Path>& paths) {
  double low = 0.8;
  double high = 1.6;
  for (const Path& path : paths) {
    if (!drawable(path)) continue;
    const Dividend d = tidy(*path.dividend);
    low = std::min(low, std::max(d.low / 1.1, kLeast));
    high = std::max(high, std::min(d.high * 1.1, kMost));
  }
  return {low, high, Growth::kLog};
}

DividendBar bar_of(const Path& path, const Axis& axis) {
  const Dividend d = tidy(*path.dividend);
  const double even = axis.place(1);
  const double value = axis.place(d.value);
  return {.path = &path,
          .payoff = payoff_of(d),
          .left = std::min(even, value),
          .width = std::abs(value - even),
          .value = value,
          .low = axis.place(d.low),
          .high = axis.place(d.high),
          .off_left = !(d.low >= axis.low()),
          .off_right = !(d.high <= axis.high())};
}

}  // namespace

std::string_view name(Payoff payoff) {
  switch (payoff) {
    case Payoff::kCheaper:
      return "cheaper";
    case Payoff::kDearer:
      return "dearer";
    case Payoff::kUnclear:
      return "unclear";
  }
  return "?";
}

bool drawable(const Path& path) {
  return path.measured() && path.dividend && positive(path.dividend->value);
}

DividendChart dividend_chart(const std::vector<Path>& paths) {
  const Axis axis = axis_for(paths);
  DividendChart chart{axis, axis.place(1), {}};
  for (const Path& path : paths) {
    if (drawable(path)) chart.bars.push_back(bar_of(path, axis));
  }
  std::ranges::stable_sort(chart.bars, std::ranges::greater{},
                           [](const DividendBar& bar) { return bar.path->dividend->value; });
  return chart;
}

std::string dividend_words(const Dividend& dividend) {
  const Dividend d = tidy(dividend);
  if (reads_as_even(d)) return "1x, the same";
  const Payoff payoff = payoff_of(d);
  return fmt::format("{}x{}{}", number_text(d.value), payoff == Payoff::kCheaper ? " " : ", ",
                     name(payoff));
}

}  // namespace hypervet::reports::html
