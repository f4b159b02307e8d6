// SPDX-License-Identifier: Apache-2.0
// Runs instances in parallel and hands their records on in order, so that the stream of a run does
// not depend on the number of jobs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/records.h"
#include "harness/run/select.h"
#include "harness/run/trial.h"
#include "reports/stream/records.h"

namespace hypervet::run {

struct RunOptions {
  unsigned jobs = 1;
  bool fail_fast = false;                        // stop after the first failure
  const std::atomic<bool>* interrupt = nullptr;  // set: no further trial is begun
};

struct RunResult {
  reports::Counts counts;
  std::uint64_t executed = 0;
  bool interrupted = false;
};

// Calls `sink` with each record in the order of `instances`, on the calling thread. The sink
// returns false to stop (the stream cannot be written any more).
RunResult run_all(const Session& session, const Invocation& invocation,
                  const std::vector<Instance>& instances, const RunOptions& options,
                  const std::function<bool(const reports::Case&)>& sink);

// The documented exit status of a finished run: 0 conformant, 1 a failure, 3 an error, or nothing
// judged at all.
int exit_status(const reports::Counts& counts);

}  // namespace hypervet::run
