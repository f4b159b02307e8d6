// SPDX-License-Identifier: Apache-2.0
// What a run says: each case that matters as it comes, and at the end the summary, the reports and
// the exit status. Knows records alone, wherever they were judged. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/application.h"
#include "harness/cli/journal.h"
#include "reports/stream/records.h"
#include "reports/writers.h"

namespace hypervet::cli {

struct ReportRequest {
  const reports::Format* format;
  std::string path;
};

// From FORMAT=FILE each. Throws Exit{kUsage}.
std::vector<ReportRequest> parse_reports(const std::vector<std::string>& texts);

// A case that did not pass, or should not have.
void tell(Terminal& terminal, const reports::Case& record);

// "120 pass (1 unexpected), 106 fail (103 waived), 3 skip".
std::string tally(const std::vector<reports::Case>& cases);

struct Conclusion {
  std::string path;  // of the stream; with "-" nothing is said on standard output
  std::vector<ReportRequest> reports;
  std::uint64_t planned = 0;
  bool is_model = false;                // the target is hypervet's own
  std::vector<std::string> complaints;  // about the waivers themselves, a line each
  bool strict = false;
  std::chrono::steady_clock::time_point started;
  bool broken = false;                   // not all could be judged, and nobody wished it so
  std::optional<std::uint64_t> wall_ns;  // instead of what has passed since then
};

// Finishes the journal with its summary, writes the reports, tells the totals. Returns the exit
// status. Throws Exit where something cannot be written.
int conclude(Application& application, Journal& journal, const Conclusion& conclusion);

}  // namespace hypervet::cli
