// SPDX-License-Identifier: Apache-2.0
// Timed paths to test charts with: distributions as real machines have them (tails, two humps,
// drift), made from fixed seeds.
#pragma once

#include "reports/comparison.h"
#include "reports/stream/records.h"

namespace hypervet::reports::samples {

// A bench on a real KVM: a dozen paths of 15 launches, dividends between 0.6 and 110, two paths not
// measured.
Results timed();
// The same paths in a lab, counted in instructions: all samples of a path agree.
Results counted_in_a_lab();
// Every number is absurd: NaN, infinities, 1e308, noughts and negatives; the strings are hostile.
Results absurd_paths();

// Two kernels compared: every outcome occurs.
TimingComparison compared();
// Counted costs: exact rows without intervals.
TimingComparison compared_exactly();
TimingComparison absurd_comparison();

}  // namespace hypervet::reports::samples
