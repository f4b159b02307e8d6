// SPDX-License-Identifier: Apache-2.0
// The HTML report: fills report.mustache. All escaping happens in one place, the template engine's
// escape function, and the template has no unescaped tag, so no string of a guest can become
// markup. The page's own policy refuses every script but ours.
#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <ranges>
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
    page["has_logs"] = data(!results_.logs.empty());
    page["logs"] = logs();
    return page;
  }

 private:
  std::string_view conformance() const {
    if (reference_only()) return "no hypervisor judged";
    return results_.summary->conformant ? "conformant" : "not conformant";
  }

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
      list << entry;
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
      list << entry;
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

  // How many of a clause's cases ended as its verdict says.
  static std::string share(const ClauseDigest& clause) {
    const std::uint64_t same = clause.counts[*clause.verdict];
    if (same == clause.cases.size()) return counted(same, "case");
    return fmt::format("{} of {}", same, counted(clause.cases.size(), "case"));
  }

  data facts() const {
    data list(data::type::list);
    const auto add = [&](std::string_view name, std::string_view value, bool mono = false) {
      if (value.empty()) return;
      data entry;
      entry["name"] = text(name);
      entry["value"] = text(value);
      entry["mono"] = data(mono);
      list << entry;
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
      add("Exit status", fmt::format("{} ({})", results_.summary->exit_status, conformance()));
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

  data logs() const {
    data list(data::type::list);
    for (const Log& log : results_.logs) {
      data entry;
      entry["name"] = log.name;
      entry["text"] = log.text;
      entry["lines"] =
          counted(static_cast<std::uint64_t>(std::ranges::count(log.text, '\n')), "line");
      list << entry;
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
      providers << named;
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
    data parameters(data::type::list);
    for (const auto& [key, value] : c.parameters) {
      data pair;
      pair["key"] = key;
      pair["value"] = value;
      parameters << pair;
    }
    entry["parameters"] = std::move(parameters);
    data marks(data::type::list);
    for (Mark mark : c.marks) marks << text(name(mark));
    entry["marks"] = std::move(marks);
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
