// SPDX-License-Identifier: Apache-2.0
// The ratio plot of a comparison: per path the ratio B / A with its interval on one logarithmic
// axis around 1, within its margin of equivalence and its noise floor. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "reports/comparison.h"
#include "reports/html/axis.h"

namespace hypervet::reports::html {

// A row on the axis; places are percent of the width.
struct RatioMark {
  double value;
  double low;  // of the interval
  double high;
  bool off_left;  // the value or a bound lies beyond the axis
  bool off_right;
  double margin_low;  // of the band of equivalence
  double margin_high;
  double noise_low;  // of the noise floor
  double noise_high;
};

// True for a row that has a mark: figures on both sides and a ratio above 0.
bool drawable(const TimingRow& row);
// Around 1, wide enough for most rows; a few that are far off do not press the others together.
Axis ratio_axis(const std::vector<TimingRow>& rows);
// Requires drawable(row).
RatioMark ratio_mark(const TimingRow& row, const Axis& axis);

// The rows in the order of their outcomes, worst first; regressions and improvements by how large
// they are, the others as they were.
std::vector<const TimingRow*> worst_first(const std::vector<TimingRow>& rows);

// "+5.2 %" of a ratio, "4.1x" where percent would be hard to read.
std::string change_text(double ratio);

}  // namespace hypervet::reports::html
