// SPDX-License-Identifier: Apache-2.0
// Launches in this process, on a backend. Main thread only.
#pragma once

#include <memory>
#include <vector>

#include "harness/cli/launcher.h"
#include "harness/run/trial.h"

namespace hypervet::cli {

class LocalLauncher : public Launcher {
 public:
  // Throws Exit when the backend cannot run here.
  LocalLauncher(Application& application, const spec::Specs& specs, const BenchOptions& options);

  void launch(std::size_t launches, Benched& to, const BenchProgress& progress) override;

 private:
  reports::Path record(const Timed& timed, const measure::Sampling& sampling) const;

  Application& application_;
  measure::SamplingOptions sampling_;
  std::vector<Timed> timed_;
  std::unique_ptr<backends::Backend> backend_;
  run::Session session_;
};

}  // namespace hypervet::cli
