// SPDX-License-Identifier: Apache-2.0
// The HTML page of a difference: fills diff.mustache. It has head, style and script of the page of
// one run. See parts.h for escaping.
#include "reports/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "reports/diff_writers.h"
#include "reports/headline.h"
#include "reports/html/diff_cases.h"
#include "reports/html/facts.h"
#include "reports/html/page.h"
#include "reports/html/parts.h"
#include "reports/text.h"

namespace hypervet::reports {
namespace {

using namespace html;

std::string_view meaning(Change change) {
  switch (change) {
    case Change::kWorse:
      return "passed, or failed less gravely";
    case Change::kOtherKind:
      return "fails still, less gravely; or is not judged for another reason";
    case Change::kOtherValue:
      return "the same verdict, another observation";
    case Change::kNewlyJudged:
      return "A said nothing about the target";
    case Change::kNoLongerJudged:
      return "B says nothing about the target";
    case Change::kBetter:
      return "failed, now passes";
    case Change::kOnlyBefore:
      return "B has no such case";
    case Change::kOnlyAfter:
      return "A has no such case";
    case Change::kNone:
      return "";
  }
  return "";
}

// Builds the data of the whole page. Lives for one page.
class DiffPage {
 public:
  explicit DiffPage(const Comparison& comparison) : comparison_(comparison) {
    for (std::size_t i = 0; i < comparison_.differences().size(); ++i) {
      anchors_.emplace(&comparison_.differences()[i].any(), fmt::format("difference-{}", i + 1));
    }
  }

  data build() const {
    const Run& a = comparison_.before_results().run;
    const Run& b = comparison_.after_results().run;
    const std::uint64_t worse = comparison_.count(Change::kWorse);
    data page;
    page["version"] = text(b.hypervet);
    page["started_a"] = text(a.started);
    page["started_b"] = text(b.started);
    page["target"] = fmt::format("{} → {}", named(a.target), named(b.target));
    page["standing"] = text(standing(worse));
    page["badge"] = worse > 0                           ? counted(worse, "case") + " got worse"
                    : comparison_.judged_in_both() == 0 ? std::string("Nothing was compared")
                                                        : std::string("Nothing got worse");
    page["tally"] = capitalised(comparison_.tally()) + ".";
    page["has_cautions"] = data(!comparison_.cautions().empty());
    page["cautions"] = lines(comparison_.cautions());
    data runs(data::type::list);
    runs << run("A", "older", comparison_.before_results(), comparison_.before());
    runs << run("B", "newer", comparison_.after_results(), comparison_.after());
    page["runs"] = std::move(runs);
    filters(page);
    page["has_differences"] = data(!comparison_.differences().empty());
    page["groups"] = groups();
    page["facts"] = fact_pairs(facts(comparison_.before_results(), comparison_.before()),
                               facts(comparison_.after_results(), comparison_.after()));
    data interfaces(data::type::list);
    for (const InterfacePair& pair : comparison_.interfaces()) interfaces << one_interface(pair);
    page["interfaces"] = std::move(interfaces);
    std::vector<NamedLog> logs;
    for (const Log& log : comparison_.before_results().logs) {
      logs.push_back({"A: " + log.name, &log});
    }
    for (const Log& log : comparison_.after_results().logs) {
      logs.push_back({"B: " + log.name, &log});
    }
    set_logs(page, logs);
    return page;
  }

 private:
  std::string_view standing(std::uint64_t worse) const {
    if (worse > 0) return name(Standing::kViolates);
    return name(comparison_.judged_in_both() > 0 ? Standing::kConforms : Standing::kNothingJudged);
  }

  static std::string_view named(std::string_view target) {
    return target.empty() ? "unnamed target" : target;
  }

  static data run(std::string_view letter, std::string_view role, const Results& results,
                  const Digest& digest) {
    const Headline head = headline(digest);
    data entry;
    entry["letter"] = text(letter);
    entry["role"] = text(role);
    entry["started"] = text(results.run.started);
    entry["target"] = text(named(results.run.target));
    entry["standing"] = text(name(head.standing));
    entry["sentences"] = sentences(head);
    entry["has_cautions"] = data(!head.cautions.empty());
    entry["cautions"] = lines(head.cautions);
    entry["tallies"] = tallies(digest.counts);
    entry["case_total"] = counted(digest.counts.total(), "case");
    entry["coverage"] = coverage_line(digest.coverage);
    return entry;
  }

  // The chips: how many cases each would show.
  void filters(data& page) const {
    Counts either;
    std::uint64_t unjudged = 0;
    for (const InterfacePair& interface : comparison_.interfaces()) {
      for (const ClausePair& clause : interface.clauses) {
        unjudged += clause.cases.empty();
        for (const CasePair& pair : clause.cases) {
          if (pair.before != nullptr) ++either[pair.before->verdict];
          if (pair.after != nullptr &&
              (pair.before == nullptr || pair.before->verdict != pair.after->verdict)) {
            ++either[pair.after->verdict];
          }
        }
      }
    }
    page["tallies"] = tallies(either);
    page["unjudged"] = number(unjudged);
    data changes(data::type::list);
    for (const Change change : kChanges) {
      if (comparison_.count(change) == 0 && change != Change::kNone) continue;
      data entry;
      entry["change"] = text(name(change));
      entry["title"] = text(title(change));
      entry["count"] = number(comparison_.count(change));
      changes << entry;
    }
    page["has_cases"] = data(true);
    page["has_changes"] = data(true);
    page["changes"] = std::move(changes);
  }

  data groups() const {
    std::vector<data> members;
    for (std::size_t i = 0; i < kChanges.size(); ++i) members.emplace_back(data::type::list);
    for (const CasePair& pair : comparison_.differences()) {
      members[static_cast<std::size_t>(pair.change)] << difference(pair);
    }
    data list(data::type::list);
    for (const Change change : kChanges) {
      if (change == Change::kNone || comparison_.count(change) == 0) continue;
      data entry;
      entry["change"] = text(name(change));
      entry["title"] = capitalised(title(change));
      entry["meaning"] = text(meaning(change));
      entry["count"] = number(comparison_.count(change));
      entry["differences"] = std::move(members[static_cast<std::size_t>(change)]);
      list << entry;
    }
    return list;
  }

  data difference(const CasePair& pair) const {
    const Case& c = pair.any();
    data entry = linked_line(pair);
    entry["anchor"] = anchors_.at(&c);
    entry["clause"] = c.clause;
    entry["clause_anchor"] = anchor("", c.clause);
    entry["level"] = text(upper_name(c.level));
    entry["level_word"] = text(name(c.level));
    const auto says_more = [](const Case* side) {
      return side != nullptr && (side->verdict != Verdict::kPass || !side->reason.empty());
    };
    if (says_more(pair.before) || says_more(pair.after)) set_body(entry, pair);
    return entry;
  }

  data linked_line(const CasePair& pair) const {
    data entry = case_line(pair);
    const auto found = anchors_.find(&pair.any());
    if (found != anchors_.end()) entry["link"] = found->second;
    return entry;
  }

  data one_interface(const InterfacePair& pair) const {
    const InterfaceDigest& interface = pair.any();
    data entry;
    entry["anchor"] = anchor("interface-", interface.id);
    entry["id"] = interface.id;
    entry["title"] = unless_empty(interface.title);
    entry["document"] = unless_empty(interface.source.document);
    entry["source_version"] = unless_empty(interface.source.version);
    data rows(data::type::list);
    rows << coverage_row("A", pair, pair.before, &ClausePair::before);
    rows << coverage_row("B", pair, pair.after, &ClausePair::after);
    entry["rows"] = std::move(rows);
    data clauses(data::type::list);
    for (const ClausePair& clause : pair.clauses) clauses << one_clause(clause);
    entry["clauses"] = std::move(clauses);
    return entry;
  }

  // One row of cells per run, a clause's two cells above each other.
  static data coverage_row(std::string_view letter, const InterfacePair& pair,
                           const InterfaceDigest* interface,
                           const ClauseDigest* ClausePair::* side) {
    data entry;
    entry["letter"] = text(letter);
    entry["first"] = data(letter == "A");
    entry["there"] = data(interface != nullptr);
    if (interface != nullptr) {
      entry["judged"] = number(interface->coverage.judged);
      entry["clause_count"] = number(interface->coverage.clauses);
      entry["providers"] = providers(interface->providers);
    } else {
      entry["providers"] = data(data::type::list);
    }
    data cells(data::type::list);
    for (const ClausePair& clause : pair.clauses) {
      const ClauseDigest* digest = clause.*side;
      data cell;
      cell["cell_anchor"] = anchor("", clause.any().clause.id);
      cell["cell_id"] = clause.any().clause.id;
      cell["shown"] = text(digest != nullptr ? shown(*digest) : "none");
      cell["status"] = text(digest != nullptr ? status(*digest) : "no such clause");
      cell["glyph"] = text(digest != nullptr ? glyph(*digest) : " ");
      cell["changed"] = data(clause.change != Change::kNone);
      cells << cell;
    }
    entry["cells"] = std::move(cells);
    return entry;
  }

  data one_clause(const ClausePair& pair) const {
    const Clause& clause = pair.any().clause;
    data entry;
    entry["anchor"] = anchor("", clause.id);
    entry["id"] = clause.id;
    entry["change"] = text(name(pair.change));
    entry["changed"] = pair.change == Change::kNone ? data(false) : text(title(pair.change));
    entry["verdicts"] =
        both(pair.before ? shown(*pair.before) : "none", pair.after ? shown(*pair.after) : "none");
    clause_side(entry, "a", pair.before);
    clause_side(entry, "b", pair.after);
    entry["level_word"] = text(name(clause.level));
    entry["level"] = text(upper_name(clause.level));
    entry["section"] = unless_empty(clause.section);
    entry["text"] = unless_empty(clause.text);
    entry["untestable"] = clause.untestable ? text(*clause.untestable) : data(false);
    data notable(data::type::list);
    data passes(data::type::list);
    for (const CasePair& c : pair.cases) (plain(c) ? passes : notable) << case_of_clause(c);
    const std::size_t pass_count = passes.list_value().size();
    const bool has_notable = pass_count < pair.cases.size();
    entry["has_notable"] = data(has_notable);
    entry["notable"] = std::move(notable);
    entry["has_passes"] = data(pass_count > 0);
    entry["passes_summary"] =
        counted(pass_count, has_notable ? "other case" : "case") + " passed in both";
    entry["passes"] = std::move(passes);
    return entry;
  }

  static void clause_side(data& entry, const std::string& side, const ClauseDigest* clause) {
    set_verdict(entry, side, clause != nullptr ? shown(*clause) : "none",
                clause != nullptr ? glyph(*clause) : "",
                clause != nullptr ? status(*clause) : "absent");
    entry["waived_" + side] = data(clause != nullptr && clause->waived);
    const bool has_cases = clause != nullptr && !clause->cases.empty();
    entry["share_" + side] = has_cases ? data(share(*clause)) : data(false);
  }

  // A difference is told in full on top of the page; here it has a link to there.
  data case_of_clause(const CasePair& pair) const {
    data entry = linked_line(pair);
    const bool told_above = pair.change != Change::kNone;
    if (!told_above && !plain(pair)) {
      set_body(entry, pair);
      const std::string& reason = pair.any().reason;
      entry["summary"] = reason.empty() ? text("Both sides") : data(reason);
    }
    return entry;
  }

  const Comparison& comparison_;
  std::unordered_map<const Case*, std::string> anchors_;  // of the differences, by CasePair::any()
};

}  // namespace

WriterStatus write_diff_html(const Comparison& comparison, std::ostream& out) {
  return html::render(kDiffTemplate, DiffPage(comparison).build(), out);
}

}  // namespace hypervet::reports
