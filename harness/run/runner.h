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
  bool fail_fast = false;                        // stop after the first failure not waived
  const std::atomic<bool>* interrupt = nullptr;  // set: no further trial is begun
  // Adds marks to a record before it is counted and handed on; on the calling thread. May be empty.
  std::function<void(reports::Case&)> mark = {};
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

// What the exit status of a finished run depends on.
struct Ending {
  reports::Counts counts;
  std::uint64_t waived = 0;      // of the failures
  bool waivers_at_odds = false;  // strict, and a waiver lapsed, is stale or met a pass
};
// The documented status: 0 conformant or all failures waived, 1 a failure, 3 an error or nothing
// judged at all, 4 waivers at odds. The first of 1, 3, 4 that applies.
int exit_status(const Ending& ending);

}  // namespace hypervet::run
