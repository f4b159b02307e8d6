// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/execution.h"

#include "harness/cli/lab_execution.h"
#include "harness/cli/local_execution.h"

namespace hypervet::cli {

std::unique_ptr<Execution> make_execution(Application& application, const spec::Specs& specs,
                                          const ExecutionOptions& options) {
  if (options.lab) return std::make_unique<LabExecution>(application, specs, options);
  return std::make_unique<LocalExecution>(application, specs, options);
}

}  // namespace hypervet::cli
