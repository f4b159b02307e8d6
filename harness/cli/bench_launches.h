// SPDX-License-Identifier: Apache-2.0
// Times hot paths, launch by launch: in this process on a backend, or in a lab by a hypervet of its
// own. Main thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/execution.h"
#include "harness/measure/sampling.h"
#include "reports/stream/records.h"

namespace hypervet::cli {

struct BenchOptions {
  std::vector<std::string> globs;
  ExecutionOptions where;
  measure::SamplingOptions sampling;
  std::size_t launches = 1;
};

// What launches gave. The records lack the figures until measure::complete() has seen them.
struct Benched {
  reports::Run run;
  std::vector<reports::Path> paths;  // those asked for, and their contrasts
  std::vector<reports::Log> logs;
  bool is_model = false;
  bool interrupted = false;
};

// A launch times every path once, each on a machine of its own, before the next launch begins: what
// drifts burdens all paths alike. `progress` is told what is being timed. Throws Exit.
Benched bench(Application& application, const spec::Specs& specs, const BenchOptions& options,
              const std::function<void(std::string_view)>& progress);

}  // namespace hypervet::cli
