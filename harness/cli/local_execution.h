// SPDX-License-Identifier: Apache-2.0
// Cases judged in this process, on a backend. Main thread only.
#pragma once

#include "harness/cli/execution.h"
#include "harness/run/trial.h"

namespace hypervet::cli {

class LocalExecution : public Execution {
 public:
  // `specs` must outlive it. Throws Exit when the backend cannot run here.
  LocalExecution(Application& application, const spec::Specs& specs,
                 const ExecutionOptions& options);

  std::string name() const override { return options_.backend.name; }
  std::vector<std::string> words() const override;
  std::vector<run::Instance> possible(std::vector<run::Instance> instances) const override;
  Executed run(const std::vector<run::Instance>& instances, std::size_t planned, bool fail_fast,
               const Listener& listener) override;

 private:
  Application& application_;
  const spec::Specs& specs_;
  ExecutionOptions options_;
  std::unique_ptr<backends::Backend> backend_;
};

}  // namespace hypervet::cli
