// SPDX-License-Identifier: Apache-2.0
// A waiver: a reviewed failure that is expected of some targets until a day. Plain values,
// immutable once loaded; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/yaml.h"
#include "reports/stream/records.h"

namespace hypervet::waive {

using Day = std::chrono::year_month_day;

// "2027-06-30" and nothing else; a day that the calendar has.
std::optional<Day> parse_day(std::string_view text);
std::string to_string(const Day& day);
Day today_utc();

// Over the ids of clauses and of case instances. '*' matches any run of characters, '?' one.
struct ClauseGlob {
  std::string text;
  spec::Mark mark;
};

struct Waiver {
  std::vector<ClauseGlob> clauses;         // never empty
  std::string target;                      // a glob over the target's name
  std::vector<reports::Verdict> verdicts;  // the failures that are expected; never empty
  std::string reason;
  std::string issue;  // an address, or a page of the repository: FINDINGS.md#anchor
  std::string owner;
  Day expires;  // the last day in force
  spec::Mark mark;

  bool expects(reports::Verdict verdict) const;
  // The case instance is among those that the waiver names.
  bool names(std::string_view clause, std::string_view instance) const;
};

}  // namespace hypervet::waive
