// SPDX-License-Identifier: Apache-2.0
// The HTML report of one run: fills report.mustache. See parts.h for escaping; the page's own
// policy refuses every script but ours.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/html/facts.h"
#include "reports/html/page.h"
#include "reports/html/parts.h"
#include "reports/html/paths.h"
#include "reports/path_table.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

using namespace html;

constexpr std::size_t kMostFindings = 50;

// Builds the data of the whole page. Lives for one page.
class Page {
 public:
  explicit Page(const Results& results)
      : results_(results), digest_(digest(results)), headline_(headline(digest_)) {}

  data build() const {
    const Run& run = results_.run;
    data page;
    page["version"] = text(run.hypervet);
    page["started"] = text(run.started);
    page["target"] = text(run.target.empty() ? "unnamed target" : run.target);
    page["has_cases"] = data(!only_timed());
    page["kicker"] = text(only_timed() ? "Hot paths of one run" : "Conformance report");
    page["standing"] = only_timed() ? text("timed") : text(name(headline_.standing));
    page["badge"] =
        only_timed() ? data(path_tally(results_.paths)) : text(badge(headline_.standing));
    page["reference_only"] = data(!only_timed() && reference_only(digest_));
    page["sentences"] = sentences(headline_);
    page["has_cautions"] = data(!headline_.cautions.empty());
    page["cautions"] = lines(headline_.cautions);
    page["case_total"] = counted(digest_.counts.total(), "case");
    page["tallies"] = tallies(digest_.counts);
    page["unjudged"] = number(clauses_without_verdict());
    findings(page);
    page["coverage"] = coverage_line(digest_.coverage);
    page["facts"] = fact_list(facts(results_, digest_));
    page["interfaces"] = interfaces();
    std::vector<NamedLog> logs;
    for (const Log& log : results_.logs) logs.push_back({log.name, &log});
    set_logs(page, logs);
    page["has_changes"] = data(false);
    set_paths(page, results_);
    return page;
  }

 private:
  // A run that only timed paths judged nothing, and was not meant to.
  bool only_timed() const { return results_.cases.empty() && !results_.paths.empty(); }

  std::uint64_t clauses_without_verdict() const {
    std::uint64_t total = 0;
    for (const InterfaceDigest& interface : digest_.interfaces) {
      total += static_cast<std::uint64_t>(
          std::ranges::count_if(interface.clauses, [](const auto& c) { return c.cases.empty(); }));
    }
    return total;
  }

  // Clauses with failures or errors: unwaived failures first, then errors, then waived failures;
  // within these by level. One line per clause, since a parameter matrix fails as a whole more
  // often than not.
  void findings(data& page) const {
    std::vector<const ClauseDigest*> found;
    for (const InterfaceDigest& interface : digest_.interfaces) {
      for (const ClauseDigest& clause : interface.clauses) {
        if (clause.counts.failures() + clause.counts[Verdict::kError] > 0) found.push_back(&clause);
      }
    }
    const auto rank = [](const ClauseDigest* clause) {
      const int kind = clause->counts.failures() == 0 ? 1 : clause->waived ? 2 : 0;
      return std::pair(kind, clause->clause.level);
    };
    std::ranges::stable_sort(found, {}, rank);
    data list(data::type::list);
    for (const ClauseDigest* clause : found | std::views::take(kMostFindings)) {
      list << finding(*clause);
    }
    page["has_findings"] = data(!found.empty());
    page["findings"] = std::move(list);
    page["more_findings"] =
        found.size() > kMostFindings
            ? data(fmt::format("and {} more below", found.size() - kMostFindings))
            : data(false);
  }

  static data finding(const ClauseDigest& clause) {
    const auto first = std::ranges::find(clause.cases, *clause.verdict, &Case::verdict);
    data entry;
    entry["anchor"] = anchor("", clause.clause.id);
    entry["verdict"] = text(name(*clause.verdict));
    entry["glyph"] = text(glyph(*clause.verdict));
    entry["level"] = text(upper_name(clause.clause.level));
    entry["id"] = clause.clause.id;
    entry["share"] = share(clause);
    entry["waived"] = data(clause.waived);
    entry["reason"] = unless_empty((*first)->reason);
    return entry;
  }

  data interfaces() const {
    data list(data::type::list);
    for (const InterfaceDigest& interface : digest_.interfaces) list << one_interface(interface);
    return list;
  }

  data one_interface(const InterfaceDigest& interface) const {
    data entry;
    entry["anchor"] = anchor("interface-", interface.id);
    entry["id"] = interface.id;
    entry["title"] = unless_empty(interface.title);
    entry["document"] = unless_empty(interface.source.document);
    entry["source_version"] = unless_empty(interface.source.version);
    const std::string coverage = coverage_line(interface.coverage);
    const std::size_t gaps = coverage.find("; ");
    entry["coverage"] = coverage;
    entry["gaps"] = gaps == std::string::npos ? data(false) : data(coverage.substr(gaps + 2));
    entry["judged"] = number(interface.coverage.judged);
    entry["clause_count"] = number(interface.coverage.clauses);
    entry["has_providers"] = data(!interface.providers.empty());
    entry["providers"] = html::providers(interface.providers);
    data clauses(data::type::list);
    for (const ClauseDigest& clause : interface.clauses) clauses << one_clause(interface, clause);
    entry["clauses"] = std::move(clauses);
    return entry;
  }

  data one_clause(const InterfaceDigest& interface, const ClauseDigest& clause) const {
    const bool has_cases = !clause.cases.empty();
    data entry;
    entry["anchor"] = anchor("", clause.clause.id);
    entry["id"] = clause.clause.id;
    entry["shown"] = text(shown(clause));
    entry["status"] = text(status(clause));
    entry["glyph"] = text(glyph(clause));
    entry["waived"] = data(clause.waived);
    entry["level_word"] = text(name(clause.clause.level));
    entry["level"] = text(upper_name(clause.clause.level));
    entry["section"] = unless_empty(clause.clause.section);
    entry["text"] = unless_empty(clause.clause.text);
    entry["untestable"] = clause.clause.untestable ? text(*clause.clause.untestable) : data(false);
    entry["gap"] = unless_empty(gap(clause));
    entry["share"] = has_cases ? data(share(clause)) : data(false);
    const bool name_provider = interface.providers.size() > 1;
    data notable(data::type::list);
    data passes(data::type::list);
    for (const Case* c : clause.cases) {
      (is_notable(*c) ? notable : passes) << one_case(*c, name_provider);
    }
    const std::size_t pass_count = passes.list_value().size();
    const bool has_notable = pass_count < clause.cases.size();
    entry["has_notable"] = data(has_notable);
    entry["notable"] = std::move(notable);
    entry["has_passes"] = data(pass_count > 0);
    entry["passes_summary"] = counted(pass_count, has_notable ? "other case" : "case") + " passed";
    entry["passes"] = std::move(passes);
    return entry;
  }

  static std::string gap(const ClauseDigest& clause) {
    if (clause.state == CellState::kNoCase)
      return "Empty cell: this run has no case for the clause.";
    const std::uint64_t planned = clause.clause.cases;
    if (clause.cases.size() >= planned) return "";
    return fmt::format("{} of {} executed.", clause.cases.size(), counted(planned, "planned case"));
  }

  // Has more to say than that it passed.
  static bool is_notable(const Case& c) {
    return c.verdict != Verdict::kPass || !c.marks.empty() || !c.reason.empty();
  }

  data one_case(const Case& c, bool name_provider) const {
    data entry;
    const bool passed = c.verdict == Verdict::kPass;
    entry["verdict"] = text(name(c.verdict));
    entry["glyph"] = text(glyph(c.verdict));
    entry["name"] = c.name.empty() ? text(instance_name(c)) : data(c.name);
    entry["time"] = human_duration(c.duration_ns);
    entry["parameters"] = parameters(c);
    entry["marks"] = marks(c);
    entry["reason"] = unless_empty(c.reason);
    entry["waiver"] = c.waiver ? data(waiver_line(c)) : data(false);
    entry["compare"] = data(!passed && (!c.expected.empty() || !c.observed.empty()));
    entry["expected"] = c.expected;
    entry["observed"] = c.observed;
    entry["detail"] = unless_empty(c.detail);
    entry["reproduce"] = unless_empty(c.reproduce);
    entry["location"] = unless_empty(c.location);
    entry["provider"] = name_provider ? unless_empty(c.provider) : data(false);
    entry["seed"] = number(c.seed);
    return entry;
  }

  const Results& results_;
  const Digest digest_;
  const Headline headline_;
};

}  // namespace

WriterStatus write_html(const Results& results, std::ostream& out, const WriterOptions&) {
  return html::render(kPageTemplate, Page(results).build(), out);
}

}  // namespace hypervet::reports
