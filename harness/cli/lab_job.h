// SPDX-License-Identifier: Apache-2.0
// What a job takes into a lab, and how its records are to be read afterwards. Main thread only.
#pragma once

#include "backends/lab/lab.h"
#include "harness/cli/application.h"
#include "harness/cli/execution.h"
#include "harness/cli/lab_translation.h"

namespace hypervet::cli {

Translation translation_for(const Application& application, const spec::Specs& specs,
                            const ExecutionOptions& options, const lab::Lab& machine);

// Spec files that the user named travel with the job; the suite's own are in the lab already.
// Throws Exit{kUsage}.
void add_specs(const Application& application, lab::Job& job);

}  // namespace hypervet::cli
