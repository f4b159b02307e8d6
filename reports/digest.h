// SPDX-License-Identifier: Apache-2.0
// What all reports say about results, computed once: clauses with their cases, coverage, who was
// judged and how. A Digest points into the Results it was made from, which must outlive it.
// Immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::reports {

// What is known of one clause after the run.
enum class CellState : std::uint8_t {
  kJudged,      // at least one case passed or failed
  kSkipped,     // every executed case was skipped
  kError,       // nothing but errors (and skips)
  kNotRun,      // cases were planned, none was executed
  kUntestable,  // no black box can test it
  kNoCase,      // an empty cell: no case in this run
};
// "judged", "skipped", "error", "not run", "untestable", "no case".
std::string_view name(CellState state);

struct ClauseDigest {
  Clause clause;
  std::vector<const Case*> cases;  // in stream order
  Counts counts;
  std::optional<Verdict> verdict;  // the worst of its cases; empty when none was executed
  bool waived = false;             // it has failures and all of them are waived
  CellState state = CellState::kNoCase;
};

// Clauses by state. Every clause is in exactly one state.
struct Coverage {
  std::uint64_t clauses = 0;
  std::uint64_t judged = 0;
  std::uint64_t skipped = 0;
  std::uint64_t errors = 0;
  std::uint64_t not_run = 0;
  std::uint64_t untestable = 0;
  std::uint64_t no_case = 0;
  Coverage& operator+=(const Coverage& other);
};

struct InterfaceDigest {
  std::string id;
  std::string title;
  Interface::Source source;
  std::vector<std::string> providers;  // of its cases
  std::vector<ClauseDigest> clauses;   // as listed; a clause that only cases name comes last
  Counts counts;
  std::uint64_t duration_ns = 0;
  Coverage coverage;
};

// How one provider fared.
struct ProviderDigest {
  std::string name;
  bool reference_model = false;
  Counts counts;
  std::uint64_t judged_clauses = 0;
  std::uint64_t violated_clauses = 0;  // with an unwaived failure
  std::uint64_t waived_clauses = 0;    // with waived failures alone
};

struct Digest {
  Counts counts;
  Coverage coverage;
  std::uint64_t planned = 0;
  std::uint64_t waived = 0;  // cases with the mark
  std::uint64_t unexpected_passes = 0;
  std::uint64_t flaky = 0;
  bool complete = false;
  std::vector<InterfaceDigest> interfaces;
  std::vector<ProviderDigest>
      providers;  // in order of appearance; run.provider alone when there is no case
};

Digest digest(const Results& results);

// "12 of 15 clauses judged; 1 untestable, 2 without a case".
std::string coverage_line(const Coverage& coverage);

}  // namespace hypervet::reports
