// SPDX-License-Identifier: Apache-2.0
// One hot path on one backend: what the guest measured, with the loop's own cost taken off. Pure
// functions and values; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hypervet::measure {

// What came of measuring one path. Exactly one of these holds: ticks_per_op is not empty, or
// `skipped` says why the target does not offer the path, or `failed` says why there is no figure.
struct Sampling {
  std::vector<double> ticks_per_op;  // a batch each, overhead subtracted, in the order measured
  double overhead_ticks_per_op = 0;  // of the empty loop, subtracted already
  std::uint64_t tsc_khz = 0;         // ticks to nanoseconds: ticks * 1e6 / tsc_khz
  std::uint64_t batch = 0;           // operations in each sample
  std::string skipped;
  std::string failed;
  std::string method;  // one line: how it was measured
};

// Ticks of one operation, for each batch: what the batch took less what the empty loop takes (the
// median of its batches), divided by the batch. May be negative where the path costs less than its
// loop varies.
std::vector<double> per_operation(std::span<const std::uint64_t> batches,
                                  std::span<const std::uint64_t> empty, std::uint64_t batch);

// The median; of an even number the lower one of the middle two, so that it is a value that was
// seen. `values` is not empty.
std::uint64_t lower_median(std::span<const std::uint64_t> values);

}  // namespace hypervet::measure
