// SPDX-License-Identifier: Apache-2.0
// What `compare` does with a comparison once it is made, however the two builds were timed: prints
// it, writes the reports, decides the exit status. Main thread.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/application.h"
#include "harness/measure/compare.h"
#include "reports/comparison.h"

namespace hypervet::cli {

// Documented exit statuses of compare, beside those of Status.
enum ComparisonStatus : int {
  kNoRegression = 0,
  kRegression = 1,
  kInconclusive = 5,   // with --fail-on inconclusive
  kNotComparable = 6,  // too noisy, or nothing to compare with
};
extern const char* const kComparisonStatuses;  // the same for --help

// The options that both ways to compare share.
struct ComparisonOptions {
  double margin = -1;  // in percent; below 0: the default of 2, and 0 for counted paths
  double noisiest = 10;
  std::uint64_t draws = measure::kDraws;
  std::uint64_t seed = measure::kSeed;
  std::string fail_on;
  std::vector<std::string> reports;  // FORMAT=FILE
};
void add_comparison_options(CLI::App* verb, ComparisonOptions& options);
measure::CompareOptions statistics_of(const ComparisonOptions& options);

// Throws Exit{kUsage} for a report that cannot be asked for. Call it before any long work.
void check_reports(const ComparisonOptions& options);

// Prints, writes the reports and returns the exit status: a regression counts more than what could
// not be compared, and that more than what is inconclusive. Throws Exit{kBroken} when a report
// cannot be written. `streams` are named that were written before.
int conclude(Application& application, const ComparisonOptions& options,
             const reports::TimingComparison& comparison,
             const std::vector<std::string>& streams = {});

}  // namespace hypervet::cli
