// SPDX-License-Identifier: Apache-2.0
// The common part of run and rerun: judge these instances, write the stream, derive the reports,
// say how it ended.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/cli/application.h"
#include "harness/cli/execution.h"
#include "harness/run/select.h"

namespace hypervet::cli {

struct JudgingOptions {
  ExecutionOptions where;
  std::string isolation = "case";
  bool fail_fast = false;
  std::vector<std::string> waivers;  // files
  bool strict = false;               // a waiver that lapsed, is stale or met a pass: status 4
  std::string results;  // path of the stream; "": hypervet-results/<backend or lab>.jsonl
  std::vector<std::string> reports;  // FORMAT=FILE; none and no results: HTML beside the stream
  bool resume = false;               // go on with the stream that is there
  bool whole_suite = false;          // the instances are all there are
};

void add_judging_options(const Application& application, CLI::App* verb, JudgingOptions& options);

// Returns the exit status; throws Exit.
int judge_instances(
    Application& application, const spec::Specs& specs,
    const std::vector<std::pair<const spec::Interface*, const spec::Clause*>>& clauses,
    const std::vector<run::Instance>& selected, const JudgingOptions& options);

}  // namespace hypervet::cli
