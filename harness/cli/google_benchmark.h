// SPDX-License-Identifier: Apache-2.0
// Timed paths as Google Benchmark registers them, for tools that read its JSON (compare.py).
// Main thread only, once per process: the library keeps its registry in globals.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::cli {

// Each measured path becomes a benchmark with manual time: an iteration takes what a sample took, a
// repetition is a launch. Counts of instructions are written as nanoseconds, one each. The error is
// one line.
std::expected<void, std::string> write_google_benchmark(const std::vector<reports::Path>& paths,
                                                        const std::string& file);

}  // namespace hypervet::cli
