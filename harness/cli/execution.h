// SPDX-License-Identifier: Apache-2.0
// Where cases are judged: in this process on a backend, or in a lab by a hypervet of its own. What
// comes out is the same: a run record, then a record for each case.
// Main thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/application.h"
#include "harness/cli/lab_choice.h"
#include "harness/run/select.h"
#include "reports/stream/records.h"

namespace hypervet::cli {

struct ExecutionOptions {
  BackendChoice backend;
  LabChoice lab;      // with one, `backend` and `jobs` are the lab's own
  unsigned jobs = 0;  // 0: one per processor
  std::uint64_t seed = 1;
  std::string channel = "memory";
  double timeout = 10;  // seconds for one case
};

struct Listener {
  // Once, before any case. `is_model`: no hypervisor is judged.
  std::function<void(const reports::Run& run, bool is_model)> begun;
  // Puts marks on a record; called before `judged`.
  std::function<void(reports::Case&)> mark;
  // False: go no further.
  std::function<bool(const reports::Case&)> judged;
};

struct Executed {
  bool interrupted = false;
  std::optional<std::string> broken;  // why not all cases were judged, where that is nobody's wish
  std::vector<reports::Log> logs;
  std::optional<std::uint64_t> wall_ns;  // where the execution has a clock of its own
};

class Execution {
 public:
  virtual ~Execution() = default;
  // Short name of the place, for files: "kvm", "kvm-amd".
  virtual std::string name() const = 0;
  // The options that choose it again, for a command that is shown.
  virtual std::vector<std::string> words() const = 0;
  // Those of the instances that are part of a run here.
  virtual std::vector<run::Instance> possible(std::vector<run::Instance> instances) const {
    return instances;
  }
  virtual Executed run(const std::vector<run::Instance>& instances, std::size_t planned,
                       bool fail_fast, const Listener& listener) = 0;
};

// Throws Exit when the backend or lab cannot be had.
std::unique_ptr<Execution> make_execution(Application& application, const spec::Specs& specs,
                                          const ExecutionOptions& options);

}  // namespace hypervet::cli
