// SPDX-License-Identifier: Apache-2.0
// The noise floor: the relative difference that two measurements of the same thing may show. Below
// it no change is called. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/measure/bootstrap.h"
#include "harness/measure/figures.h"
#include "reports/comparison.h"

namespace hypervet::measure {

// With fewer launches a side no interval of 99 % can be had, whatever is computed: that the median
// of the population lies within the range of n launches has a probability of 1 - 2^(1 - n).
inline constexpr std::size_t kFewestLaunches = 8;
inline constexpr double kNoiseConfidence = 0.99;  // of own_noise_floor()

// The launches, if there are kFewestLaunches of them. Otherwise each is cut into consecutive blocks
// that stand in for launches, ten in all where samples allow: they still show drift and bursts.
// What differs from launch to launch they cannot show, so the floor from them is a lower bound.
Launches launches_or_blocks(const Launches& launches);

// From the launches of one measurement: two resamples of them differ by no more in kNoiseConfidence
// of the draws. 0 without samples or where no ratio can be formed.
double own_noise_floor(const Launches& launches, std::uint64_t draws, Random& random,
                       Resamplers& tables);

// From an A/A comparison, which has launched the same build as two sides: the smallest margin
// within which it shows the build to be equivalent to itself (verdict.h). `against_itself` is the
// ratio with its interval of kEquivalenceConfidence.
double noise_floor(const reports::Ratio& against_itself);

}  // namespace hypervet::measure
