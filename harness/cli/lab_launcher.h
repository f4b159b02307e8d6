// SPDX-License-Identifier: Apache-2.0
// Launches in a lab. Every call of launch() is a machine of its own, from the same snapshot, in
// which a hypervet times the paths as often as it is told; its records are told whose machine it
// was. Main thread only.
#pragma once

#include "harness/cli/lab_choice.h"
#include "harness/cli/lab_job.h"
#include "harness/cli/launcher.h"

namespace hypervet::cli {

class LabLauncher : public Launcher {
 public:
  // Throws Exit: kUsage for a lab that there is not, kBroken for one that cannot be had.
  LabLauncher(Application& application, const spec::Specs& specs, const BenchOptions& options);

  void launch(std::size_t launches, Benched& to, const BenchProgress& progress) override;

 private:
  lab::Job job(std::size_t launches) const;

  Application& application_;
  BenchOptions options_;
  lab::Lab machine_;
  Translation translation_;
};

}  // namespace hypervet::cli
