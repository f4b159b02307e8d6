// SPDX-License-Identifier: Apache-2.0
// One hot path on one backend: what the guest measured, with the loop's own cost taken off. Nothing
// in a guest's figures comes from the host's clock. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/measure/path_selection.h"
#include "harness/program/path_program.h"
#include "harness/run/trial.h"

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
  std::string method;  // one line: how it was measured, and the path's note
};

struct SamplingOptions {
  std::uint64_t samples = 1000;  // at most protocol::kMaxPathSamples
  std::uint64_t warmup = 50;     // batches thrown away, at most kMaxPathSamples
  std::uint64_t batch = 0;       // operations in a batch; 0: what the path or its loop says
  std::uint64_t lives = 40;      // samples of a path that is a machine's life
  unsigned processors = 0;       // that this host runs CPUs on; 0: as many as there are
};

// Runs it on a machine of its own, within the session's limits.
Sampling sample(const run::Session& session, const PathInstance& instance,
                const SamplingOptions& options);

// Ticks of one operation, for each batch: what the batch took less what the empty loop takes (the
// median of its batches), divided by the batch. May be negative where the path costs less than its
// loop varies.
std::vector<double> per_operation(std::span<const std::uint64_t> batches,
                                  std::span<const std::uint64_t> empty, std::uint64_t batch);

// The median; of an even number the lower one of the middle two, so that it is a value that was
// seen. `values` is not empty.
std::uint64_t lower_median(std::span<const std::uint64_t> values);

}  // namespace hypervet::measure
