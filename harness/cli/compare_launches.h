// SPDX-License-Identifier: Apache-2.0
// Two builds launched in turn: two kernels in a lab, or two sets of options on a backend. Main
// thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/bench_options.h"
#include "harness/measure/compare.h"
#include "reports/stream/records.h"

namespace hypervet::cli {

struct LaunchedOptions {
  BenchOptions bench;        // of both sides; in a lab its name without a kernel
  std::size_t launches = 0;  // a side; 0: as many as the place needs
  std::string folder = "hypervet-results";
};

// Both builds, and A against itself where times are measured.
struct Launched {
  measure::Build a;
  measure::Build b;
  std::optional<measure::AgainstItself> against_itself;
  std::vector<std::string> streams;  // that were written
  bool interrupted = false;
};

// A and B as the user named them: kernels, or options such as "irqchip=split cost=hypercall=1000".
// Writes the streams of both sides to `folder`, whatever happens: those of a comparison that does
// not end have no summary. Throws Exit, having launched nothing if the mistake can be seen before.
Launched launch_both(Application& application, const LaunchedOptions& options, const std::string& a,
                     const std::string& b);

}  // namespace hypervet::cli
