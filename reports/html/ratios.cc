// SPDX-License-Identifier: Apache-2.0
#include "reports/html/ratios.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hypervet::reports::html {
namespace {

constexpr double kNarrowest = 0.05;  // relative
constexpr double kWidest = 9;
constexpr double kAboveTypical = 5;  // how much wider the axis may be than what most rows need

bool positive(double value) { return plottable(value) && value > 0; }

// The bounds of the interval, or the value where a bound is no number or on its wrong side.
Ratio tidy(const Ratio& r) {
  return {r.value, positive(r.low) ? std::min(r.low, r.value) : r.value,
          positive(r.high) ? std::max(r.high, r.value) : r.value};
}

double relative(double figure) { return plottable(figure) && figure > 0 ? figure : 0; }

// How far from 1 a row reaches, as a logarithm.
double reach(const TimingRow& row) {
  const Ratio r = tidy(row.ratio);
  return std::max({std::abs(std::log(r.low)), std::abs(std::log(r.high)),
                   std::log1p(relative(row.margin)), std::log1p(relative(row.noise_floor))});
}

}  // namespace

bool drawable(const TimingRow& row) { return row.has_figures() && positive(row.ratio.value); }

Axis ratio_axis(const std::vector<TimingRow>& rows) {
  std::vector<double> reaches;
  for (const TimingRow& row : rows) {
    if (drawable(row)) reaches.push_back(reach(row));
  }
  double width = 0;
  if (!reaches.empty()) {
    std::ranges::sort(reaches);
    width = 1.1 * std::min(reaches.back(), kAboveTypical * reaches[reaches.size() / 2]);
  }
  const double high = std::exp(std::clamp(width, std::log1p(kNarrowest), std::log1p(kWidest)));
  return {1 / high, high, Growth::kLog};
}

RatioMark ratio_mark(const TimingRow& row, const Axis& axis) {
  const Ratio r = tidy(row.ratio);
  const double margin = 1 + relative(row.margin);
  const double noise = 1 + relative(row.noise_floor);
  return {.value = axis.place(r.value),
          .low = axis.place(r.low),
          .high = axis.place(r.high),
          .off_left = !(r.low >= axis.low()),
          .off_right = !(r.high <= axis.high()),
          .margin_low = axis.place(1 / margin),
          .margin_high = axis.place(margin),
          .noise_low = axis.place(1 / noise),
          .noise_high = axis.place(noise)};
}

std::vector<const TimingRow*> worst_first(const std::vector<TimingRow>& rows) {
  std::vector<const TimingRow*> order;
  for (const TimingRow& row : rows) order.push_back(&row);
  // What is no number sorts as no change: a comparison of NaN would not be an order.
  const auto size = [](const TimingRow& row) {
    return drawable(row) ? std::abs(std::log(row.ratio.value)) : 0;
  };
  const auto ranked = [&](const TimingRow* row) {
    const bool changed = row->outcome == Outcome::kRegressed || row->outcome == Outcome::kImproved;
    return std::pair(row->outcome, changed ? -size(*row) : 0.0);
  };
  std::ranges::stable_sort(order, {}, ranked);
  return order;
}

std::string change_text(double ratio) {
  if (!std::isfinite(ratio)) return "–";
  if (ratio >= 3 || ratio <= 1 / 3.0) return number_text(ratio) + "x";
  const std::string text = fmt::format("{:+.1f} %", 100 * (ratio - 1));
  if (text != "+0.0 %" && text != "-0.0 %") return text;
  return ratio == 1 ? "0 %" : fmt::format("{:+.2g} %", 100 * (ratio - 1));
}

}  // namespace hypervet::reports::html
