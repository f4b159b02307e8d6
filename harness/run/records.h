// SPDX-License-Identifier: Apache-2.0
// Sessions, instances and trials as records of the result stream. Pure but for the provenance,
// which is read once.
#pragma once

#include <string>
#include <vector>

#include "harness/run/select.h"
#include "harness/run/trial.h"
#include "reports/stream/records.h"

namespace hypervet::run {

// What a run record says beyond what the session knows.
struct Invocation {
  std::string command;  // how the user starts hypervet, for the reproducing command
  std::vector<std::string> command_line;  // argv
  std::string version;
  std::string payload_hash;
  unsigned jobs = 1;
  std::vector<std::string> options = {};  // beyond backend, seed and channel, to run it again
};

reports::Run run_record(const Session& session, const Invocation& invocation, std::size_t planned);

// One record per interface that has a selected instance, or a selected clause without any.
std::vector<reports::Interface> interface_records(
    const std::vector<std::pair<const spec::Interface*, const spec::Clause*>>& clauses,
    const std::vector<Instance>& instances);

// What a record of this instance says before it is judged: its verdict is error.
reports::Case blank_record(const Instance& instance);

reports::Case case_record(const Session& session, const Invocation& invocation,
                          const Instance& instance, const Trial& trial);

// The command that repeats this instance alone.
std::string reproduce(const Session& session, const Invocation& invocation,
                      const Instance& instance);

}  // namespace hypervet::run
