// SPDX-License-Identifier: Apache-2.0
#include "reports/html/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/path_table.h"

namespace hypervet::reports::html {
namespace {

constexpr std::size_t kFewest = 2;
constexpr std::size_t kMost = 8;

// Multiples of 1, 2 or 5 times a power of ten, the finest step that gives at most five.
std::vector<double> even_ticks(double low, double high) {
  const double rough = (high - low) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {2, 5, 10}) {
    if (step < rough * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  const double slack = step * 1e-9;
  for (double n = std::ceil((low - slack) / step); n * step <= high + slack; ++n) {
    ticks.push_back(n * step);
    if (ticks.size() > kMost) break;  // a step that is lost in the digits of a huge bound
  }
  return ticks;
}

// Of each decade the given multiples.
std::vector<double> decade_ticks(double low, double high, std::initializer_list<int> multiples) {
  std::vector<double> ticks;
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  for (int decade = static_cast<int>(std::floor(std::log10(low))); decade <= last; ++decade) {
    for (const int m : multiples) {
      const double tick = m * std::pow(10, decade);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

// Logarithms of the bounds, not of a quotient: that may overflow.
double log_share(double low, double value, double high) {
  return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
}

std::vector<double> thinned(const std::vector<double>& ticks, std::size_t most) {
  const std::size_t every = (ticks.size() + most - 1) / most;
  std::vector<double> kept;
  for (std::size_t i = 0; i < ticks.size(); i += every) kept.push_back(ticks[i]);
  return kept;
}

}  // namespace

bool plottable(double value) {
  constexpr double kLargest = 1e18;
  return std::isfinite(value) && std::abs(value) <= kLargest;
}

Axis::Axis(double low, double high, Growth growth) : low_(low), high_(high), growth_(growth) {}

double Axis::place(double value) const {
  if (!(value > low_)) return kInset;
  if (value >= high_) return 100 - kInset;
  const double share =
      growth_ == Growth::kLog ? log_share(low_, value, high_) : (value - low_) / (high_ - low_);
  return kInset + share * (100 - 2 * kInset);
}

std::vector<double> Axis::ticks() const {
  std::vector<double> ticks;
  if (growth_ == Growth::kLog) {
    ticks = decade_ticks(low_, high_, {1, 2, 5});
    if (ticks.size() > kMost) ticks = decade_ticks(low_, high_, {1});
    if (ticks.size() > kMost) ticks = thinned(ticks, kMost);
  }
  if (ticks.size() < 3) ticks = even_ticks(low_, high_);
  if (ticks.size() < kFewest || ticks.size() > kMost) ticks = {low_, high_};
  return ticks;
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "–";
  constexpr double kLongest = 1e12;  // longer ones are powers of ten
  return std::abs(value) >= kLongest ? fmt::format("{:.3g}", value) : figure(value);
}

std::string percent_text(double relative) {
  if (!std::isfinite(relative)) return "–";
  return std::abs(relative) >= 1000 ? fmt::format("{:.3g} %", 100 * relative) : percent(relative);
}

std::string place_text(double percent) { return fmt::format("{:.2f}", percent); }

}  // namespace hypervet::reports::html
