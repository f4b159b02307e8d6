// SPDX-License-Identifier: Apache-2.0
#include "reports/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "reports/text.h"

namespace hypervet::reports {
namespace {

// Finds the place of an interface, clause or provider by id, making it at first sight.
class Builder {
 public:
  explicit Builder(const Results& results) : results_(results) {}

  Digest build() {
    for (const Interface& interface : results_.interfaces) declare(interface);
    for (const Case& c : results_.cases) add(c);
    for (InterfaceDigest& interface : digest_.interfaces) finish(interface);
    if (digest_.providers.empty()) provider(results_.run.provider);
    digest_.planned = std::max<std::uint64_t>(results_.run.planned, results_.cases.size());
    digest_.complete = results_.complete() && results_.cases.size() >= results_.run.planned;
    return std::move(digest_);
  }

 private:
  std::size_t interface_place(const std::string& id) {
    const auto [found, is_new] = interfaces_.try_emplace(id, digest_.interfaces.size());
    if (is_new) digest_.interfaces.emplace_back().id = id;
    return found->second;
  }

  ClauseDigest& clause_place(InterfaceDigest& interface, const std::string& id, Level level) {
    // A space cannot occur in an id, so the key is unambiguous.
    const auto [found, is_new] =
        clauses_.try_emplace(interface.id + ' ' + id, interface.clauses.size());
    if (is_new) {
      ClauseDigest& clause = interface.clauses.emplace_back();
      clause.clause.id = id;
      clause.clause.level = level;
    }
    return interface.clauses[found->second];
  }

  ProviderDigest& provider(const std::string& name) {
    const auto [found, is_new] = providers_.try_emplace(name, digest_.providers.size());
    if (is_new) {
      ProviderDigest& made = digest_.providers.emplace_back();
      made.name = name;
      made.reference_model = is_reference_model(name);
    }
    return digest_.providers[found->second];
  }

  void declare(const Interface& interface) {
    InterfaceDigest& place = digest_.interfaces[interface_place(interface.id)];
    place.title = interface.title;
    place.source = interface.source;
    for (const Clause& clause : interface.clauses) {
      clause_place(place, clause.id, clause.level).clause = clause;
    }
  }

  void add(const Case& c) {
    InterfaceDigest& interface = digest_.interfaces[interface_place(c.interface)];
    ClauseDigest& clause = clause_place(interface, c.clause, c.level);
    clause.cases.push_back(&c);
    clause.verdict = clause.verdict ? worse(*clause.verdict, c.verdict) : c.verdict;
    const std::string& name = provider_of(c);
    if (std::ranges::find(interface.providers, name) == interface.providers.end()) {
      interface.providers.push_back(name);
    }
    for (Counts* counts :
         {&clause.counts, &interface.counts, &digest_.counts, &provider(name).counts}) {
      ++(*counts)[c.verdict];
    }
    interface.duration_ns += c.duration_ns;
    digest_.waived += c.has(Mark::kWaived);
    digest_.unexpected_passes += c.has(Mark::kUnexpectedPass);
    digest_.flaky += c.has(Mark::kFlaky);
  }

  const std::string& provider_of(const Case& c) const {
    return c.provider.empty() ? results_.run.provider : c.provider;
  }

  static CellState state_of(const ClauseDigest& clause) {
    if (clause.verdict && is_judgement(*clause.verdict)) return CellState::kJudged;
    // An error is worse than a pass, but beside one the clause has been judged all the same.
    if (clause.counts[Verdict::kPass] > 0) return CellState::kJudged;
    if (clause.verdict == Verdict::kError) return CellState::kError;
    if (clause.verdict == Verdict::kSkip) return CellState::kSkipped;
    if (clause.clause.untestable) return CellState::kUntestable;
    return clause.clause.cases > 0 ? CellState::kNotRun : CellState::kNoCase;
  }

  static void tally(Coverage& coverage, CellState state) {
    ++coverage.clauses;
    switch (state) {
      case CellState::kJudged:
        ++coverage.judged;
        break;
      case CellState::kSkipped:
        ++coverage.skipped;
        break;
      case CellState::kError:
        ++coverage.errors;
        break;
      case CellState::kNotRun:
        ++coverage.not_run;
        break;
      case CellState::kUntestable:
        ++coverage.untestable;
        break;
      case CellState::kNoCase:
        ++coverage.no_case;
        break;
    }
  }

  // Which providers the clause judged: a clause can have cases of several.
  void credit_providers(const ClauseDigest& clause) {
    struct Credit {
      bool judged = false, violated = false, waived = false;
    };
    std::unordered_map<std::string_view, Credit> credits;
    for (const Case* c : clause.cases) {
      Credit& credit = credits[provider_of(*c)];
      credit.judged |= is_judgement(c->verdict);
      if (is_failure(c->verdict)) (c->has(Mark::kWaived) ? credit.waived : credit.violated) = true;
    }
    for (const auto& [name, credit] : credits) {
      ProviderDigest& fared = provider(std::string(name));
      fared.judged_clauses += credit.judged;
      fared.violated_clauses += credit.violated;
      fared.waived_clauses += credit.waived && !credit.violated;
    }
  }

  void finish(InterfaceDigest& interface) {
    for (ClauseDigest& clause : interface.clauses) {
      clause.state = state_of(clause);
      clause.waived =
          clause.counts.failures() > 0 && std::ranges::all_of(clause.cases, [](const Case* c) {
            return !is_failure(c->verdict) || c->has(Mark::kWaived);
          });
      tally(interface.coverage, clause.state);
      credit_providers(clause);
    }
    digest_.coverage += interface.coverage;
  }

  const Results& results_;
  Digest digest_;
  std::unordered_map<std::string, std::size_t> interfaces_;
  std::unordered_map<std::string, std::size_t> clauses_;
  std::unordered_map<std::string, std::size_t> providers_;
};

}  // namespace

std::string_view name(CellState state) {
  switch (state) {
    case CellState::kJudged:
      return "judged";
    case CellState::kSkipped:
      return "skipped";
    case CellState::kError:
      return "error";
    case CellState::kNotRun:
      return "not run";
    case CellState::kUntestable:
      return "untestable";
    case CellState::kNoCase:
      return "no case";
  }
  return "?";
}

Coverage& Coverage::operator+=(const Coverage& other) {
  clauses += other.clauses;
  judged += other.judged;
  skipped += other.skipped;
  errors += other.errors;
  not_run += other.not_run;
  untestable += other.untestable;
  no_case += other.no_case;
  return *this;
}

Digest digest(const Results& results) { return Builder(results).build(); }

std::string coverage_line(const Coverage& c) {
  std::string line = fmt::format("{} of {} judged", c.judged, counted(c.clauses, "clause"));
  const char* separator = "; ";
  const auto add = [&](std::uint64_t number, std::string_view words) {
    if (number == 0) return;
    line += fmt::format("{}{} {}", separator, number, words);
    separator = ", ";
  };
  add(c.untestable, "untestable");
  add(c.no_case, "without a case");
  add(c.skipped, "skipped");
  add(c.errors, "ended in errors");
  add(c.not_run, "not run");
  return line;
}

}  // namespace hypervet::reports
