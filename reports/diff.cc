// SPDX-License-Identifier: Apache-2.0
#include "reports/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <tuple>
#include <unordered_map>

#include "reports/text.h"

namespace hypervet::reports {
namespace {

int gravity(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCrash:
      return 5;
    case Verdict::kHang:
      return 4;
    case Verdict::kFail:
      return 3;
    case Verdict::kError:
      return 2;
    case Verdict::kSkip:
      return 1;
    case Verdict::kPass:
      return 0;
  }
  return 0;
}

// What a failure showed. A hang or a crash may have observed nothing; then its reason tells them
// apart.
const std::string& shown(const Case& c) { return c.observed.empty() ? c.reason : c.observed; }

// Finds by id in a vector of digests, in constant time.
template <typename T, typename Id>
class Index {
 public:
  Index(const std::vector<T>& entries, Id id) {
    for (const T& entry : entries) places_.emplace(id(entry), &entry);
  }
  const T* find(std::string_view id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const T*> places_;
};

std::string_view interface_id(const InterfaceDigest& interface) { return interface.id; }
std::string_view clause_id(const ClauseDigest& clause) { return clause.clause.id; }
std::string_view case_id(const Case& c) { return c.id; }

}  // namespace

std::string_view name(Change change) {
  switch (change) {
    case Change::kWorse:
      return "worse";
    case Change::kOtherKind:
      return "other-kind";
    case Change::kOtherValue:
      return "other-value";
    case Change::kNewlyJudged:
      return "newly-judged";
    case Change::kNoLongerJudged:
      return "no-longer-judged";
    case Change::kBetter:
      return "better";
    case Change::kOnlyBefore:
      return "only-a";
    case Change::kOnlyAfter:
      return "only-b";
    case Change::kNone:
      return "unchanged";
  }
  return "?";
}

std::string_view title(Change change) {
  switch (change) {
    case Change::kWorse:
      return "got worse";
    case Change::kOtherKind:
      return "changed in kind";
    case Change::kOtherValue:
      return "still failing, differently";
    case Change::kNewlyJudged:
      return "newly judged";
    case Change::kNoLongerJudged:
      return "no longer judged";
    case Change::kBetter:
      return "got better";
    case Change::kOnlyBefore:
      return "only in A";
    case Change::kOnlyAfter:
      return "only in B";
    case Change::kNone:
      return "unchanged";
  }
  return "?";
}

Change change_of(const Case* before, const Case* after) {
  if (before == nullptr) return Change::kOnlyAfter;
  if (after == nullptr) return Change::kOnlyBefore;
  const Verdict a = before->verdict;
  const Verdict b = after->verdict;
  if (a == b) {
    const bool differs = is_failure(a) && shown(*before) != shown(*after);
    return differs ? Change::kOtherValue : Change::kNone;
  }
  if (a == Verdict::kPass) return b == Verdict::kSkip ? Change::kNoLongerJudged : Change::kWorse;
  if (is_judgement(a) != is_judgement(b)) {
    return is_judgement(a) ? Change::kNoLongerJudged : Change::kNewlyJudged;
  }
  if (!is_judgement(a)) return Change::kOtherKind;  // skip and error: nothing said of the target
  if (b == Verdict::kPass) return Change::kBetter;
  return gravity(b) > gravity(a) ? Change::kWorse : Change::kOtherKind;
}

Comparison::Comparison(const Results& before, const Results& after)
    : before_results_(before),
      after_results_(after),
      before_(digest(before)),
      after_(digest(after)) {
  pair_interfaces();
  pair_cases();
  find_cautions();
}

void Comparison::pair_interfaces() {
  const Index old(before_.interfaces, interface_id);
  const Index now(after_.interfaces, interface_id);
  for (const InterfaceDigest& interface : after_.interfaces) {
    interfaces_.push_back({old.find(interface.id), &interface, {}});
  }
  for (const InterfaceDigest& interface : before_.interfaces) {
    if (now.find(interface.id) == nullptr) interfaces_.push_back({&interface, nullptr, {}});
  }
  for (InterfacePair& interface : interfaces_) pair_clauses(interface);
}

void Comparison::pair_clauses(InterfacePair& interface) {
  static const std::vector<ClauseDigest> kNothing;
  const auto& old_clauses = interface.before != nullptr ? interface.before->clauses : kNothing;
  const auto& new_clauses = interface.after != nullptr ? interface.after->clauses : kNothing;
  const Index old(old_clauses, clause_id);
  const Index now(new_clauses, clause_id);
  for (const ClauseDigest& clause : new_clauses) {
    interface.clauses.push_back({old.find(clause.clause.id), &clause, {}, Change::kNone});
  }
  for (const ClauseDigest& clause : old_clauses) {
    if (now.find(clause.clause.id) == nullptr) {
      interface.clauses.push_back({&clause, nullptr, {}, Change::kNone});
    }
  }
}

// By id over the whole run, so that a case is found again wherever its clause has moved.
void Comparison::pair_cases() {
  const Index old(before_results_.cases, case_id);
  const Index now(after_results_.cases, case_id);
  for (InterfacePair& interface : interfaces_) {
    for (ClausePair& clause : interface.clauses) {
      const auto add = [&](const Case* before, const Case* after) {
        clause.cases.push_back({before, after, change_of(before, after)});
        clause.change = std::min(clause.change, clause.cases.back().change);
        note(clause.cases.back());
      };
      if (clause.after != nullptr) {
        for (const Case* c : clause.after->cases) add(old.find(c->id), c);
      }
      if (clause.before != nullptr) {
        for (const Case* c : clause.before->cases) {
          if (now.find(c->id) == nullptr) add(c, nullptr);
        }
      }
    }
  }
  std::ranges::stable_sort(differences_, {}, [](const CasePair& pair) {
    return std::pair(pair.change, -gravity(pair.any().verdict));
  });
}

void Comparison::note(const CasePair& pair) {
  ++counts_[static_cast<std::size_t>(pair.change)];
  if (pair.change == Change::kNone) {
    ++unchanged_[pair.after->verdict];
  } else {
    differences_.push_back(pair);
  }
  judged_in_both_ += pair.before != nullptr && pair.after != nullptr &&
                     is_judgement(pair.before->verdict) && is_judgement(pair.after->verdict);
}

void Comparison::find_cautions() {
  const Run& a = before_results_.run;
  const Run& b = after_results_.run;
  const auto differ = [&](std::string_view what, const std::string& old, const std::string& now) {
    if (old == now) return;
    const auto shown_hash = [](const std::string& hash) {
      return hash.empty() ? std::string("unknown") : visible(hash, Breaks::kSpell);
    };
    cautions_.push_back(
        fmt::format("The {} differ (A: {}, B: {}): it is not only the target that changed.", what,
                    shown_hash(old), shown_hash(now)));
  };
  differ("specs", a.spec_hash, b.spec_hash);
  differ("payloads", a.payload_hash, b.payload_hash);
  differ("seeds", fmt::format("{}", a.seed), fmt::format("{}", b.seed));
  const auto incomplete = [&](std::string_view which, const Digest& digest) {
    if (digest.complete) return;
    cautions_.push_back(
        fmt::format("{} did not finish: {} of {} executed; what is there is compared.", which,
                    digest.counts.total(), counted(digest.planned, "planned case")));
  };
  incomplete("A", before_);
  incomplete("B", after_);
  if (judged_in_both_ == 0) {
    cautions_.push_back("No case was judged in both runs: nothing was compared.");
  }
}

std::string Comparison::tally() const {
  std::string text;
  for (const Change change : kChanges) {
    if (change == Change::kNone || count(change) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count(change), title(change));
  }
  if (text.empty()) text = "no difference";
  text += fmt::format("; {} unchanged", count(Change::kNone));
  std::string verdicts;
  for (const Verdict verdict : kVerdicts) {
    if (unchanged_[verdict] == 0) continue;
    verdicts +=
        fmt::format("{}{} {}", verdicts.empty() ? "" : ", ", unchanged_[verdict], name(verdict));
  }
  return verdicts.empty() ? text : fmt::format("{} ({})", text, verdicts);
}

}  // namespace hypervet::reports
