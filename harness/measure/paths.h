// SPDX-License-Identifier: Apache-2.0
// Path records from launches: what bench does once the samples are there. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/measure/figures.h"
#include "reports/stream/records.h"

namespace hypervet::measure {

inline constexpr std::uint64_t kDraws = 10'000;
inline constexpr std::uint64_t kSeed = 1;
inline constexpr double kDividendConfidence = 0.95;

// Adds the paths of one more launch to those of the launches before: the samples become one list
// more. A path that has a reason in any launch has it for good, led by the number of the launch,
// and loses its samples: figures of the launches that went well would hide that it may fail.
// `launch` counts from 1; the first must be added to an empty vector.
void add_launch(std::vector<reports::Path>& paths, std::vector<reports::Path> added,
                std::size_t launch);

// Computes from the launches of each path: samples, min, median, p99, spread, noise_floor, and the
// dividend where the contrast is among the paths and both have figures. A path without samples and
// without a reason gets one. Everything else of the records is the caller's.
void complete(std::vector<reports::Path>& paths, std::uint64_t draws = kDraws,
              std::uint64_t seed = kSeed);

// contrast / path with its interval of kDividendConfidence. Both stem from the same launches, so
// what one launch does to both of them cancels. std::nullopt where no ratio can be formed.
std::optional<reports::Dividend> dividend(const Launches& path, const Launches& contrast,
                                          std::uint64_t draws, std::uint64_t seed);

}  // namespace hypervet::measure
