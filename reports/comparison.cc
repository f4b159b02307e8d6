// SPDX-License-Identifier: Apache-2.0
#include "reports/comparison.h"

#include <fmt/format.h>

#include <numeric>

#include "reports/text.h"

namespace hypervet::reports {

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRegressed:
      return "regressed";
    case Outcome::kImproved:
      return "improved";
    case Outcome::kEquivalent:
      return "equivalent";
    case Outcome::kInconclusive:
      return "inconclusive";
    case Outcome::kNotComparable:
      return "not comparable";
  }
  return "?";
}

std::uint64_t OutcomeCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

OutcomeCounts count(const std::vector<TimingRow>& rows) {
  OutcomeCounts counts;
  for (const TimingRow& row : rows) ++counts[row.outcome];
  return counts;
}

std::string tally(const TimingComparison& comparison) {
  const OutcomeCounts counts = count(comparison.rows);
  std::string text;
  for (const Outcome outcome : kOutcomes) {
    if (counts[outcome] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[outcome], name(outcome));
  }
  if (text.empty()) text = "no path was compared";
  if (!comparison.skipped.empty())
    text += fmt::format("; {} skipped on both sides", counted(comparison.skipped.size(), "path"));
  return text;
}

}  // namespace hypervet::reports
