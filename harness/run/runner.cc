// SPDX-License-Identifier: Apache-2.0
#include "harness/run/runner.h"

#include <optional>

#include "harness/run/parallel.h"

namespace hypervet::run {

RunResult run_all(const Session& session, const Invocation& invocation,
                  const std::vector<Instance>& instances, const RunOptions& options,
                  const std::function<bool(const reports::Case&)>& sink) {
  RunResult result;
  const auto interrupted = [&] {
    return options.interrupt != nullptr && options.interrupt->load();
  };
  in_order<std::optional<reports::Case>>(
      instances.size(), options.jobs,
      [&](std::size_t i) -> std::optional<reports::Case> {
        if (interrupted()) return std::nullopt;
        return case_record(session, invocation, instances[i], attempt(session, instances[i]));
      },
      [&](std::size_t, std::optional<reports::Case> record) {
        if (!record) {
          result.interrupted = true;
          return false;
        }
        ++result.counts[record->verdict];
        ++result.executed;
        if (!sink(*record)) return false;
        return !(options.fail_fast && reports::is_failure(record->verdict));
      });
  return result;
}

int exit_status(const reports::Counts& counts) {
  if (counts.failures() > 0) return 1;
  if (counts[reports::Verdict::kError] > 0) return 3;
  return counts[reports::Verdict::kPass] > 0 ? 0 : 3;
}

}  // namespace hypervet::run
