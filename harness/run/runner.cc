// SPDX-License-Identifier: Apache-2.0
#include "harness/run/runner.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "harness/run/parallel.h"

namespace hypervet::run {
namespace {

// Instances of one group run on machines that are much alike.
std::vector<std::uint32_t> groups_of(const std::vector<Instance>& instances) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> known;
  std::vector<std::uint32_t> groups;
  for (const auto& instance : instances) {
    std::pair<std::uint64_t, std::uint64_t> machine{};
    for (const auto& [name, value] : instance.binding.values) {
      if (name == "device") machine.first = value;
      if (name == "transport") machine.second = value;
    }
    groups.push_back(
        known.emplace(machine, static_cast<std::uint32_t>(known.size())).first->second);
  }
  return groups;
}

}  // namespace

RunResult run_all(const Session& session, const Invocation& invocation,
                  const std::vector<Instance>& instances, const RunOptions& options,
                  const std::function<bool(const reports::Case&)>& sink) {
  RunResult result;
  const auto interrupted = [&] {
    return options.interrupt != nullptr && options.interrupt->load();
  };
  in_order<std::optional<reports::Case>>(
      instances.size(), options.jobs, groups_of(instances),
      [&](std::size_t i) -> std::optional<reports::Case> {
        if (interrupted()) return std::nullopt;
        return case_record(session, invocation, instances[i], attempt(session, instances[i]));
      },
      [&](std::size_t, std::optional<reports::Case> record) {
        if (!record) {
          result.interrupted = true;
          return false;
        }
        if (options.mark) options.mark(*record);
        ++result.counts[record->verdict];
        ++result.executed;
        if (!sink(*record)) return false;
        return !(options.fail_fast && reports::is_failure(record->verdict) &&
                 !record->has(reports::Mark::kWaived));
      });
  return result;
}

int exit_status(const Ending& ending) {
  const auto& counts = ending.counts;
  if (counts.failures() > ending.waived) return 1;
  if (counts[reports::Verdict::kError] > 0) return 3;
  if (counts[reports::Verdict::kPass] + counts.failures() == 0) return 3;
  return ending.waivers_at_odds ? 4 : 0;
}

}  // namespace hypervet::run
