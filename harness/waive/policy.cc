// SPDX-License-Identifier: Apache-2.0
#include "harness/waive/policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace hypervet::waive {
namespace {

void attach(reports::Case& record, reports::Mark mark, const Waiver& waiver) {
  record.marks.push_back(mark);
  record.waiver = {waiver.reason, waiver.issue, waiver.owner, to_string(waiver.expires)};
}

std::string place(const spec::Mark& mark) {
  return fmt::format("{}:{}", mark.file ? mark.file->path : "<text>", mark.line);
}

}  // namespace

Policy::Policy(const std::vector<Waiver>& waivers, std::string_view target, const Day& today) {
  for (const auto& waiver : waivers) {
    if (!run::matches(waiver.target, target)) continue;
    (today <= waiver.expires ? in_force_ : lapsed_).push_back(waiver);
  }
}

void Policy::mark(reports::Case& record) const {
  if (!reports::is_judgement(record.verdict)) return;
  for (const auto& waiver : in_force_) {
    if (!waiver.names(record.clause, record.id)) continue;
    if (record.verdict == reports::Verdict::kPass) {
      return attach(record, reports::Mark::kUnexpectedPass, waiver);
    }
    if (waiver.expects(record.verdict)) return attach(record, reports::Mark::kWaived, waiver);
  }
}

std::vector<std::string> Policy::complaints(const std::vector<run::Instance>& instances,
                                            bool whole) const {
  std::vector<std::string> lines;
  for (const auto& waiver : lapsed_) {
    const auto named = std::ranges::find_if(instances, [&](const run::Instance& instance) {
      return waiver.names(instance.clause->id, instance.id);
    });
    if (named == instances.end()) continue;
    lines.push_back(fmt::format("{}: waiver lapsed on {}: {}: {} ({}; owner: {})",
                                place(waiver.mark), to_string(waiver.expires), named->id,
                                waiver.reason, waiver.issue, waiver.owner));
  }
  if (!whole) return lines;
  for (const auto& waiver : in_force_) {
    for (const auto& glob : waiver.clauses) {
      const bool used = std::ranges::any_of(instances, [&](const run::Instance& instance) {
        return run::matches(glob.text, instance.clause->id) || run::matches(glob.text, instance.id);
      });
      if (used) continue;
      lines.push_back(fmt::format("{}: stale waiver: no case matches '{}' (owner: {})",
                                  place(glob.mark), glob.text, waiver.owner));
    }
  }
  return lines;
}

}  // namespace hypervet::waive
