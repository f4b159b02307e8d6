// SPDX-License-Identifier: Apache-2.0
// The bars of the dividends: from 1x, where hook and contrast cost the same, to how many times
// cheaper the hook is, with the interval, on one logarithmic axis. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/html/axis.h"
#include "reports/stream/records.h"

namespace hypervet::reports::html {

enum class Payoff {
  kCheaper,  // the whole interval lies above 1x
  kDearer,   // below
  kUnclear,  // 1x lies within
};
// "cheaper", "dearer", "unclear".
std::string_view name(Payoff payoff);

// Places are percent of the width.
struct DividendBar {
  const Path* path;
  Payoff payoff;
  double left;  // of the bar, which ends or begins at 1x
  double width;
  double value;
  double low;  // of the whisker
  double high;
  bool off_left;  // something of it lies beyond the axis
  bool off_right;
};

struct DividendChart {
  Axis axis;
  double even;                    // the place of 1x
  std::vector<DividendBar> bars;  // the largest dividend first
};

// True for a dividend that has a bar: its value a number above 0.
bool drawable(const Path& path);
// Of the paths that are drawable; with none of them no bars.
// The bars point into `paths`.
DividendChart dividend_chart(const std::vector<Path>& paths);
DividendChart dividend_chart(std::vector<Path>&&) = delete;

// "12.3x cheaper", "0.8x, dearer", "1.02x, unclear".
std::string dividend_words(const Dividend& dividend);

}  // namespace hypervet::reports::html
