// SPDX-License-Identifier: Apache-2.0
// The strip of a path's samples: across stands what a sample cost, down when it was taken, so that
// drift and launches that differ show beside the distribution. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/html/axis.h"
#include "reports/stream/records.h"

namespace hypervet::reports::html {

struct Dot {
  double x;  // percent of the width
  double y;  // 0: the first sample taken, 1: the last
};

struct Strip {
  std::optional<Axis> axis;      // none: there is nothing that can be drawn
  std::vector<Dot> dots;         // at most kMostDots, from the cheapest to the dearest
  std::uint64_t samples = 0;     // over all launches
  std::uint64_t drawn_from = 0;  // samples on the axis, of which the dots are an even choice
  std::uint64_t beyond = 0;      // dearer than the axis reaches
  std::uint64_t below = 0;       // cheaper than the axis begins
  double largest = 0;            // of the samples that are numbers
  std::uint64_t no_numbers = 0;  // samples that cannot be placed at all
  bool constant = false;         // all samples are the same

  static constexpr std::size_t kMostDots = 240;
};

// The same path gives the same strip. The axis holds min, median and p99 of the path. It is
// logarithmic where p99 is many times min; what lies far above p99 is counted in `beyond`.
Strip strip(const Path& path);

// What the strip does not draw, one line: "240 of 3000 samples drawn; 12 lie beyond the axis, ...".
std::string note(const Strip& strip, const Path& path);

}  // namespace hypervet::reports::html
