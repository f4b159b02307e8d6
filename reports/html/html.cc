// SPDX-License-Identifier: Apache-2.0
// The HTML report: fills report.mustache. All escaping happens in one place, the template engine's
// escape function, and the template has no unescaped tag, so no string of a guest can become
// markup. The page's own policy refuses every script but ours.
#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/html/page.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::mustache;

constexpr std::size_t kMostFindings = 50;

// A section of the template opens for any string, also an empty one; false keeps it shut.
data unless_empty(std::string_view text) {
  return text.empty() ? data(false) : data(std::string(text));
}
data text(std::string_view view) { return data(std::string(view)); }
data number(std::uint64_t value) { return data(fmt::format("{}", value)); }

// A verdict is never told by colour alone: a sign and its word go with it.
std::string_view glyph(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "✓";
    case Verdict::kFail:
      return "✗";
    case Verdict::kHang:
      return "…";
    case Verdict::kCrash:
      return "‼";
    case Verdict::kSkip:
      return "–";
    case Verdict::kError:
      return "!";
  }
  return "?";
}

std::string_view meaning(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "the clause holds";
    case Verdict::kFail:
      return "the clause is violated";
    case Verdict::kHang:
      return "no progress before the deadline";
    case Verdict::kCrash:
      return "triple fault, or the VMM died";
    case Verdict::kSkip:
      return "not offered by the target";
    case Verdict::kError:
      return "hypervet or the backend broke";
  }
  return "?";
}

std::string_view cell_glyph(const ClauseDigest& clause) {
  if (clause.verdict) return glyph(*clause.verdict);
  if (clause.state == CellState::kUntestable) return "·";
  return clause.state == CellState::kNotRun ? "?" : " ";
}

// Ids become fragments of addresses; those of specs are plain words already.
std::string anchor(std::string_view prefix, std::string_view id) {
  std::string result(prefix);
  for (const char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
    result += plain ? c : '_';
  }
  return result;
}

std::string verdict_list(const Counts& counts) {
  std::string list;
  for (Verdict verdict : kVerdicts) {
    if (counts[verdict] == 0) continue;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", counts[verdict], name(verdict));
  }
  return list;
}

// Builds the data of the whole page. Lives for one page.
class Page {
 public:
  explicit Page(const Results& results)
      : results_(results), digest_(digest(results)), headline_(headline(digest_)) {
    std::size_t next = 0;
    for (const InterfaceDigest& interface : digest_.interfaces) {
      for (const ClauseDigest& clause : interface.clauses) {
        for (const Case* c : clause.cases) {
          if (c->verdict != Verdict::kPass) numbers_[c] = ++next;
        }
      }
    }
  }

  data build() const {
    const Run& run = results_.run;
    data page;
    page["version"] = text(run.hypervet);
    page["started"] = text(run.started);
    page["target"] = text(run.target.empty() ? "unnamed target" : run.target);
    page["standing"] = text(name(headline_.standing));
    page["badge"] = text(badge(headline_.standing));
    page["reference_only"] = data(reference_only());
    page["sentences"] = sentences();
    page["has_cautions"] = data(!headline_.cautions.empty());
    page["cautions"] = cautions();
    page["case_total"] = counted(digest_.counts.total(), "case");
    page["tallies"] = tallies();
    page["unjudged"] = number(clauses_without_verdict());
    findings(page);
    page["coverage"] = coverage_line(digest_.coverage);
    page["facts"] = facts();
    page["interfaces"] = interfaces();
    return page;
  }

 private:
  bool reference_only() const {
    return std::ranges::all_of(digest_.providers, &ProviderDigest::reference_model);
  }

  data sentences() const {
    data list(data::type::list);
    for (const Sentence& sentence : headline_.sentences) {
      data entry;
      entry["standing"] = text(name(sentence.standing));
      entry["badge"] = text(badge(sentence.standing));
      entry["text"] = sentence.text;
      list << std::move(entry);
    }
    return list;
  }

  data cautions() const {
    data list(data::type::list);
    for (const std::string& caution : headline_.cautions) list << data(caution);
    return list;
  }

  data tallies() const {
    data list(data::type::list);
    for (Verdict verdict : kVerdicts) {
      data entry;
      entry["verdict"] = text(name(verdict));
      entry["glyph"] = text(glyph(verdict));
      entry["meaning"] = text(meaning(verdict));
      entry["count"] = number(digest_.counts[verdict]);
      entry["any"] = data(digest_.counts[verdict] > 0);
      list << std::move(entry);
    }
    return list;
  }

  std::uint64_t clauses_without_verdict() const {
    std::uint64_t total = 0;
    for (const InterfaceDigest& interface : digest_.interfaces) {
      total += static_cast<std::uint64_t>(
          std::ranges::count_if(interface.clauses, [](const auto& c) { return c.cases.empty(); }));
    }
    return total;
  }

  // Unwaived failures first, then errors, then waived failures; within these by level.
  void findings(data& page) const {
    std::vector<const Case*> found;
    for (const InterfaceDigest& interface : digest_.interfaces) {
      for (const ClauseDigest& clause : interface.clauses) {
        for (const Case* c : clause.cases) {
          if (is_failure(c->verdict) || c->verdict == Verdict::kError) found.push_back(c);
        }
      }
    }
    const auto rank = [](const Case* c) {
      const int kind = !is_failure(c->verdict) ? 1 : c->has(Mark::kWaived) ? 2 : 0;
      return std::pair(kind, c->level);
    };
    std::ranges::stable_sort(found, {}, rank);
    data list(data::type::list);
    for (const Case* c : found | std::views::take(kMostFindings)) {
      data entry;
      entry["number"] = number(numbers_.at(c));
      entry["verdict"] = text(name(c->verdict));
      entry["glyph"] = text(glyph(c->verdict));
      entry["level"] = text(upper_name(c->level));
      entry["id"] = c->id;
      entry["waived"] = data(c->has(Mark::kWaived));
      entry["reason"] = unless_empty(c->reason);
      list << std::move(entry);
    }
    page["has_findings"] = data(!found.empty());
    page["findings"] = std::move(list);
    page["more_findings"] =
        found.size() > kMostFindings
            ? data(fmt::format("and {} more below", found.size() - kMostFindings))
            : data(false);
  }

  data facts() const {
    data list(data::type::list);
    const auto add = [&](std::string_view name, std::string_view value, bool mono = false) {
      if (value.empty()) return;
      data entry;
      entry["name"] = text(name);
      entry["value"] = text(value);
      entry["mono"] = data(mono);
      list << std::move(entry);
    };
    const Run& run = results_.run;
    add("Target", run.target);
    add("Provider", run.provider);
    add("Backend", run.backend);
    add("Kernel", run.kernel);
    add("CPU", run.cpu);
    add("Mitigations", run.mitigations);
    add("Started", run.started);
    if (results_.summary) add("Duration", human_duration(results_.summary->wall_ns));
    add("Executed",
        fmt::format("{} of {}", digest_.counts.total(), counted(digest_.planned, "planned case")));
    if (results_.summary) {
      add("Exit status",
          fmt::format("{} ({})", results_.summary->exit_status,
                      results_.summary->conformant ? "conformant" : "not conformant"));
    }
    add("hypervet", run.hypervet);
    add("Seed, jobs", fmt::format("{}, {}", run.seed, run.jobs));
    add("Specs", run.spec_hash, true);
    add("Payload", run.payload_hash, true);
    add("Command", shell_line(run.command_line), true);
    add("Notes", run.notes);
    if (!results_.others.empty()) {
      add("Not shown",
          counted(results_.others.size(), "record") + " of a kind that this page does not know");
    }
    return list;
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
    data providers(data::type::list);
    for (const std::string& provider : interface.providers) {
      data named;
      named["name"] = provider;
      named["reference"] = data(is_reference_model(provider));
      providers << std::move(named);
    }
    entry["has_providers"] = data(!interface.providers.empty());
    entry["providers"] = std::move(providers);
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
    entry["shown"] = text(clause.verdict ? name(*clause.verdict) : "none");
    entry["status"] = text(clause.verdict ? name(*clause.verdict) : name(clause.state));
    entry["glyph"] = text(cell_glyph(clause));
    entry["waived"] = data(clause.waived);
    entry["level_word"] = text(name(clause.clause.level));
    entry["level"] = text(upper_name(clause.clause.level));
    entry["section"] = unless_empty(clause.clause.section);
    entry["text"] = unless_empty(clause.clause.text);
    entry["untestable"] = clause.clause.untestable ? text(*clause.clause.untestable) : data(false);
    entry["gap"] = unless_empty(gap(clause));
    entry["has_cases"] = data(has_cases);
    entry["open"] = data(clause.counts[Verdict::kPass] != clause.cases.size());
    entry["case_summary"] =
        fmt::format("{}: {}", counted(clause.cases.size(), "case"), verdict_list(clause.counts));
    data cases(data::type::list);
    for (const Case* c : clause.cases) cases << one_case(*c, interface.providers.size() > 1);
    entry["cases"] = std::move(cases);
    return entry;
  }

  static std::string gap(const ClauseDigest& clause) {
    if (clause.state == CellState::kNoCase)
      return "Empty cell: this run has no case for the clause.";
    const std::uint64_t planned = clause.clause.cases;
    if (clause.cases.size() >= planned) return "";
    return fmt::format("{} of {} executed.", clause.cases.size(), counted(planned, "planned case"));
  }

  data one_case(const Case& c, bool name_provider) const {
    data entry;
    const auto numbered = numbers_.find(&c);
    const bool passed = c.verdict == Verdict::kPass;
    entry["number"] = numbered == numbers_.end() ? data(false) : number(numbered->second);
    entry["verdict"] = text(name(c.verdict));
    entry["glyph"] = text(glyph(c.verdict));
    entry["name"] = c.name.empty() ? text(instance_name(c)) : data(c.name);
    entry["time"] = human_duration(c.duration_ns);
    data parameters(data::type::list);
    for (const auto& [key, value] : c.parameters) {
      data pair;
      pair["key"] = key;
      pair["value"] = value;
      parameters << std::move(pair);
    }
    entry["parameters"] = std::move(parameters);
    data marks(data::type::list);
    for (Mark mark : c.marks) marks << text(name(mark));
    entry["marks"] = std::move(marks);
    entry["body"] = data(!passed || !c.marks.empty() || !c.reason.empty());
    entry["reason"] = unless_empty(c.reason);
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
  std::unordered_map<const Case*, std::size_t>
      numbers_;  // of the cases that did not pass, in page order
};

std::string escape(const std::string& value) {
  return kainjow::mustache::html_escape(visible(value));
}

}  // namespace

WriterStatus write_html(const Results& results, std::ostream& out, const WriterOptions&) {
  mustache page{std::string(kPageTemplate)};
  if (!page.is_valid())
    return std::unexpected("the template of the HTML report: " + page.error_message());
  page.set_custom_escape(escape);
  page.render(Page(results).build(), out);
  return finish(out);
}

}  // namespace hypervet::reports
