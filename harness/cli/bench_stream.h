// SPDX-License-Identifier: Apache-2.0
// The result stream of timed paths, as bench and compare leave it. Main thread only.
#pragma once

#include <string>

#include "harness/cli/launcher.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {

// The figures computed. `notes` are added to those of the run. There is no summary yet.
reports::Results results_of(Benched benched, const std::string& notes);

// Of a run of bench with these paths: did each get its figures or a reason of the target's?
int bench_status(const std::vector<reports::Path>& paths);

// Makes the folder. Without a summary the stream is one that was cut short. Throws Exit{kBroken}.
void write_stream(const reports::Results& results, const std::string& path);

}  // namespace hypervet::cli
