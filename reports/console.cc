// SPDX-License-Identifier: Apache-2.0
// Plain text for a terminal or a log: who was judged, every case that did not pass with expected
// beside observed, the coverage of each interface, totals. Each failure ends with the command that
// reproduces it. Timed paths stand in a table between them and the totals.
#include <fmt/format.h>

#include <iterator>

#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/path_table.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

enum class Ink { kPlain, kBold, kDim, kGreen, kRed, kYellow, kMagenta, kCyan };

std::string_view escape_code(Ink ink) {
  switch (ink) {
    case Ink::kPlain:
      return "";
    case Ink::kBold:
      return "\x1b[1m";
    case Ink::kDim:
      return "\x1b[2m";
    case Ink::kGreen:
      return "\x1b[32m";
    case Ink::kRed:
      return "\x1b[1;31m";
    case Ink::kYellow:
      return "\x1b[33m";
    case Ink::kMagenta:
      return "\x1b[35m";
    case Ink::kCyan:
      return "\x1b[36m";
  }
  return "";
}

Ink ink_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return Ink::kGreen;
    case Verdict::kFail:
    case Verdict::kHang:
    case Verdict::kCrash:
      return Ink::kRed;
    case Verdict::kSkip:
      return Ink::kCyan;
    case Verdict::kError:
      return Ink::kMagenta;
  }
  return Ink::kPlain;
}

Ink ink_of(Standing standing) {
  switch (standing) {
    case Standing::kConforms:
      return Ink::kGreen;
    case Standing::kViolates:
      return Ink::kRed;
    default:
      return Ink::kYellow;
  }
}

class Printer {
 public:
  Printer(std::ostream& out, bool color) : out_(out), color_(color) {}

  void header(const Run& run) {
    line("hypervet {}  {}", visible(run.hypervet, Breaks::kSpell),
         visible(run.started, Breaks::kSpell));
    line("target    {}", visible(run.target, Breaks::kSpell));
    line("provider  {}", visible(run.provider, Breaks::kSpell));
    line("backend   {}  seed {}", visible(run.backend, Breaks::kSpell), run.seed);
  }

  void interface(const InterfaceDigest& interface) {
    line("");
    line("{}  {}", inked(Ink::kBold, visible(interface.id, Breaks::kSpell)),
         visible(interface.title, Breaks::kSpell));
    for (const ClauseDigest& clause : interface.clauses) {
      for (const Case* c : clause.cases) {
        if (c->verdict != Verdict::kPass || !c->marks.empty()) one_case(clause, *c);
      }
    }
    line("  {}; {}", coverage_line(interface.coverage), totals(interface.counts));
  }

  void paths(const std::vector<Path>& paths) {
    if (paths.empty()) return;
    line("");
    bool heading = true;
    for (const std::string& row : path_table(paths)) {
      line("{}", heading ? inked(Ink::kBold, row) : row);
      heading = false;
    }
    line("  {}", path_tally(paths));
  }

  void end(const Digest& digest, const Headline& head, const std::optional<Summary>& summary) {
    line("");
    for (const Sentence& sentence : head.sentences) {
      line("{}", inked(ink_of(sentence.standing), visible(sentence.text, Breaks::kSpell)));
    }
    for (const std::string& caution : head.cautions) line("{}", inked(Ink::kYellow, caution));
    const std::string time = summary ? " in " + human_duration(summary->wall_ns) : "";
    const std::string waived =
        digest.waived > 0 ? fmt::format(" ({})", counted(digest.waived, "waived failure")) : "";
    line("{}: {}{}{}; {}", counted(digest.counts.total(), "case"), totals(digest.counts), waived,
         time, coverage_line(digest.coverage));
  }

 private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_.clear();
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
    out_ << text_;
  }

  std::string inked(Ink ink, std::string_view text) const {
    if (!color_) return std::string(text);
    return fmt::format("{}{}\x1b[0m", escape_code(ink), text);
  }

  void one_case(const ClauseDigest& clause, const Case& c) {
    std::string marks;
    for (Mark mark : c.marks) marks += fmt::format(" ({})", name(mark));
    line("  {} {} {}{}", inked(ink_of(c.verdict), fmt::format("{:<5}", name(c.verdict))),
         inked(Ink::kDim, fmt::format("{:<6}", upper_name(c.level))), visible(c.id, Breaks::kSpell),
         inked(Ink::kYellow, marks));
    if (is_failure(c.verdict)) labelled("clause", clause.clause.text);
    labelled("reason", c.reason);
    if (c.waiver) labelled("waiver", waiver_line(c));
    if (c.verdict == Verdict::kPass || c.verdict == Verdict::kSkip) return;
    labelled("expected", c.expected);
    labelled("observed", c.observed);
    labelled("detail", c.detail);
    labelled("spec", c.location);
    labelled("reproduce", c.reproduce);
  }

  // Further lines of the value stand under its first.
  void labelled(std::string_view label, std::string_view value) {
    if (value.empty()) return;
    const std::string safe = visible(value);
    std::string_view rest = safe;
    while (true) {
      const std::size_t end = rest.find('\n');
      line("        {} {}", inked(Ink::kDim, fmt::format("{:<9}", label)), rest.substr(0, end));
      if (end == std::string_view::npos) return;
      rest.remove_prefix(end + 1);
      label = "";
    }
  }

  static std::string totals(const Counts& counts) {
    std::string text;
    for (Verdict verdict : kVerdicts) {
      if (counts[verdict] == 0) continue;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[verdict], name(verdict));
    }
    return text.empty() ? "nothing executed" : text;
  }

  std::ostream& out_;
  bool color_;
  std::string text_;
};

}  // namespace

WriterStatus write_console(const Results& results, std::ostream& out,
                           const WriterOptions& options) {
  const Digest all = digest(results);
  Printer printer(out, options.color);
  printer.header(results.run);
  for (const InterfaceDigest& interface : all.interfaces) printer.interface(interface);
  printer.paths(results.paths);
  // A run that only timed paths judged nothing, and was not meant to.
  const bool only_timed = results.cases.empty() && !results.paths.empty();
  if (!only_timed) printer.end(all, headline(all), results.summary);
  return finish(out);
}

}  // namespace hypervet::reports
