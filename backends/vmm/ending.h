// SPDX-License-Identifier: Apache-2.0
// How a program's run in an external VMM ended, where it did not end by itself. One thread.
#pragma once

#include <optional>
#include <string>

#include "backends/backend.h"
#include "backends/vmm/progress_watch.h"
#include "backends/vmm/vmm_process.h"

namespace hypervet::vmm {

struct Ending {
  backends::Stop stop = backends::Stop::kFinished;
  std::string detail;
  std::vector<backends::CpuState> cpus = {};
};

// The VMM's process is gone.
Ending died(VmmProcess& vmm, const process::Ended& ended);
// The guest does not get on; nullopt: it may do so yet.
std::optional<Ending> standing(VmmProcess& vmm, const ProgressWatch& watch,
                               ProgressWatch::State state);

}  // namespace hypervet::vmm
