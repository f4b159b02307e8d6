// SPDX-License-Identifier: Apache-2.0
// Times hot paths, launch by launch: in this process on a backend, or in a lab by a hypervet of its
// own. What comes out is the same. Main thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/bench_options.h"
#include "harness/measure/path_selection.h"
#include "reports/stream/records.h"

namespace hypervet::cli {

// What launches gave. The records lack the figures until measure::complete() has seen them.
struct Benched {
  reports::Run run;
  std::vector<reports::Path> paths;  // those asked for, and their contrasts
  std::vector<reports::Log> logs;
  std::size_t launches = 0;
  bool is_model = false;
  bool interrupted = false;  // within a launch, of which nothing is kept
};

// Is told what is being timed.
using BenchProgress = std::function<void(std::string_view)>;

class Launcher {
 public:
  virtual ~Launcher() = default;
  // Adds `launches` more to `to`. A launch times every path once, each on a machine of its own,
  // before the next begins: what drifts burdens all paths alike. A path that failed or was skipped
  // in a launch needs not be timed in those after it, as it never gets figures. Throws Exit.
  virtual void launch(std::size_t launches, Benched& to, const BenchProgress& progress) = 0;
};

// Finds everything that launches need, and names every mistake; nothing is launched. `specs` must
// outlive it. Throws Exit.
std::unique_ptr<Launcher> make_launcher(Application& application, const spec::Specs& specs,
                                        const BenchOptions& options);

// One thing to time, and what stands against it.
struct Timed {
  measure::PathInstance instance;
  std::string contrast;  // id
};

// The paths asked for, each followed by its contrast where that is not among them already. Throws
// Exit{kUsage} for a glob that matches none.
std::vector<Timed> to_be_timed(const spec::Specs& specs, const std::vector<std::string>& globs);

}  // namespace hypervet::cli
