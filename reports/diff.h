// SPDX-License-Identifier: Apache-2.0
// Two runs side by side, an older one (A) and a newer one (B), case by case by id: what got worse,
// what fails in another way, what got better, what only one of them has. Computed once; the
// command line and every format of a difference print it.
//
// A Comparison points into the two Results it was made from, which must outlive it. Immutable once
// made; no thread rules.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/digest.h"
#include "reports/stream/records.h"

namespace hypervet::reports {

// What became of a case from A to B; worst first.
enum class Change : std::uint8_t {
  kWorse,           // pass to anything but a skip, or a failure to a graver one
  kOtherKind,       // a failure became a less grave one, or a skip an error or the reverse
  kOtherValue,      // the same failure, but something else was observed
  kNewlyJudged,     // skip or error in A, a judgement in B
  kNoLongerJudged,  // a judgement in A, a skip in B, or a failure in A and an error in B
  kBetter,          // a failure became a pass
  kOnlyBefore,      // B has no such case
  kOnlyAfter,       // A has no such case
  kNone,            // the same verdict, and if it is a failure the same observation
};
inline constexpr std::array kChanges = {
    Change::kWorse,       Change::kOtherKind,      Change::kOtherValue,
    Change::kNewlyJudged, Change::kNoLongerJudged, Change::kBetter,
    Change::kOnlyBefore,  Change::kOnlyAfter,      Change::kNone};
// One word for addresses and JSON: "worse", "other-kind", ...
std::string_view name(Change change);
// As a heading and in a tally: "got worse", "fail in another way", ...
std::string_view title(Change change);

// Gravity of a case's change; `before` or `after` may be nullptr, not both.
Change change_of(const Case* before, const Case* after);

struct CasePair {
  const Case* before = nullptr;  // nullptr: only in B
  const Case* after = nullptr;   // nullptr: only in A
  Change change = Change::kNone;
  const Case& any() const { return after != nullptr ? *after : *before; }
};

struct ClausePair {
  const ClauseDigest* before = nullptr;
  const ClauseDigest* after = nullptr;
  std::vector<CasePair> cases;    // in B's order, then those only in A
  Change change = Change::kNone;  // the worst of its cases
  const ClauseDigest& any() const { return after != nullptr ? *after : *before; }
};

struct InterfacePair {
  const InterfaceDigest* before = nullptr;
  const InterfaceDigest* after = nullptr;
  std::vector<ClausePair> clauses;  // in B's order, then those only in A
  const InterfaceDigest& any() const { return after != nullptr ? *after : *before; }
};

class Comparison {
 public:
  Comparison(const Results& before, const Results& after);
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  const Results& before_results() const { return before_results_; }
  const Results& after_results() const { return after_results_; }
  const Digest& before() const { return before_; }
  const Digest& after() const { return after_; }
  const std::vector<InterfacePair>& interfaces() const { return interfaces_; }
  // What changed: by change, then the gravest verdict of B first, then in order of the interfaces.
  const std::vector<CasePair>& differences() const { return differences_; }
  std::uint64_t count(Change change) const { return counts_[static_cast<std::size_t>(change)]; }
  // Cases of Change::kNone by their verdict, which both sides share.
  const Counts& unchanged() const { return unchanged_; }
  // Cases that both runs judged. With none of them nothing was compared.
  std::uint64_t judged_in_both() const { return judged_in_both_; }
  // One line each: what besides the target differs, what is missing of either run.
  const std::vector<std::string>& cautions() const { return cautions_; }
  // "1 got worse, 2 got better; 220 unchanged (210 pass, 10 fail)".
  std::string tally() const;

 private:
  void pair_interfaces();
  void pair_clauses(InterfacePair& interface);
  void pair_cases();
  void note(const CasePair& pair);
  void find_cautions();

  const Results& before_results_;
  const Results& after_results_;
  const Digest before_;
  const Digest after_;
  std::vector<InterfacePair> interfaces_;
  std::vector<CasePair> differences_;
  std::array<std::uint64_t, kChanges.size()> counts_{};
  Counts unchanged_;
  std::uint64_t judged_in_both_ = 0;
  std::vector<std::string> cautions_;
};

}  // namespace hypervet::reports
