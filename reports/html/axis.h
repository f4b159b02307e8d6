// SPDX-License-Identifier: Apache-2.0
// The axis of a chart: where a value stands, in percent of the chart's width, and which values have
// a label. Charts are drawn with percentages so that they fit a phone without their text shrinking.
// Also figures as the pages write them. Pure values; any thread.
#pragma once

#include <string>
#include <vector>

namespace hypervet::reports::html {

enum class Growth { kLinear, kLog };

// Values that a chart can place: finite, and small enough that differences of two stay finite.
bool plottable(double value);

class Axis {
 public:
  // Requires plottable bounds with low < high, and low > 0 for kLog.
  Axis(double low, double high, Growth growth);

  double low() const { return low_; }
  double high() const { return high_; }
  Growth growth() const { return growth_; }
  bool holds(double value) const { return value >= low_ && value <= high_; }
  // Between kInset and 100 - kInset for the values that the axis holds; others stand at the nearer
  // end, and what is no number at the low one.
  double place(double value) const;
  // Round values within the axis, ascending, at least 2 and at most 8.
  std::vector<double> ticks() const;

  static constexpr double kInset = 6;  // percent: room for marks and labels at the ends

 private:
  double low_;
  double high_;
  Growth growth_;
};

// A figure as text: four digits that count, short also for absurd values, "–" for what is no
// number.
std::string number_text(double value);
// "2.1 %" of a relative figure, with the same care.
std::string percent_text(double relative);
// A place or a length for an attribute: "12.34".
std::string place_text(double percent);

}  // namespace hypervet::reports::html
