// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/conclusion.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/run/runner.h"
#include "reports/text.h"

namespace hypervet::cli {
namespace {

using reports::Mark;
using reports::Verdict;

std::string short_reason(const std::string& reason) {
  constexpr std::size_t kLongest = 160;  // the report has the whole reason
  return reports::visible(reason.size() > kLongest ? reason.substr(0, kLongest) + "..." : reason,
                          reports::Breaks::kSpell);
}

bool is_unwaived_failure(const reports::Case& record) {
  return reports::is_failure(record.verdict) && !record.has(Mark::kWaived);
}

reports::Summary summarize(const reports::Results& results, const Conclusion& conclusion) {
  reports::Summary summary;
  summary.counts = reports::count(results.cases);
  summary.planned = conclusion.planned;
  summary.executed = results.cases.size();
  summary.waived = reports::count(results.cases, Mark::kWaived);
  summary.unexpected_pass = reports::count(results.cases, Mark::kUnexpectedPass);
  const bool at_odds =
      conclusion.strict && (summary.unexpected_pass > 0 || !conclusion.complaints.empty());
  summary.exit_status =
      conclusion.broken ? kBroken : run::exit_status({summary.counts, summary.waived, at_odds});
  // Of the target alone: waivers neither make it conform nor keep it from doing so.
  summary.conformant = !conclusion.broken && run::exit_status({summary.counts}) == kConformant;
  const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::steady_clock::now() - conclusion.started);
  summary.wall_ns = conclusion.wall_ns.value_or(static_cast<std::uint64_t>(passed.count()));
  return summary;
}

void tell_totals(Terminal& terminal, const reports::Results& results,
                 const Conclusion& conclusion) {
  const auto& summary = *results.summary;
  terminal.line(fmt::format("{} in {:.2f} s", tally(results.cases),
                            static_cast<double>(summary.wall_ns) / 1e9));
  if (summary.waived > 0 && summary.exit_status == kConformant) {
    terminal.line(terminal.paint(fmt::format("Not conformant: green only through waivers, for {}.",
                                             reports::counted(summary.waived, "failure")),
                                 Colour::kStrong));
  }
  terminal.line(fmt::format("results: {}", conclusion.path));
  for (const auto& request : conclusion.reports)
    terminal.line(fmt::format("report:  {}", request.path));
  if (conclusion.is_model) {
    terminal.line(terminal.paint(
        "This was hypervet's own reference model: no hypervisor was judged.", Colour::kDim));
  }
  const auto failed = std::ranges::find_if(results.cases, is_unwaived_failure);
  if (failed != results.cases.end()) terminal.line(fmt::format("again:   {}", failed->reproduce));
}

// On standard error, so that neither a stream nor a log of standard output swallows them.
void tell_odds(Terminal& terminal, const reports::Results& results, const Conclusion& conclusion) {
  for (const auto& complaint : conclusion.complaints) terminal.error("hypervet: " + complaint);
  if (const auto passes = results.summary->unexpected_pass; passes > 0) {
    terminal.error(
        fmt::format("hypervet: {} passed although a waiver expects a failure: mend the "
                    "waiver{}",
                    reports::counted(passes, "case"),
                    conclusion.strict ? "" : " (--strict makes this status 4)"));
  }
}

}  // namespace

std::vector<ReportRequest> parse_reports(const std::vector<std::string>& texts) {
  std::vector<ReportRequest> requests;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto* format = reports::find_format(name);
    if (format == nullptr) {
      throw Exit{kUsage, fmt::format("unknown report format '{}'; there are {}", name,
                                     reports::format_names())};
    }
    if (equals == std::string::npos || equals + 1 == text.size()) {
      throw Exit{kUsage, fmt::format("--report takes FORMAT=FILE, not '{}'", text)};
    }
    requests.push_back({format, text.substr(equals + 1)});
  }
  return requests;
}

void tell(Terminal& terminal, const reports::Case& record) {
  const auto say = [&](std::string_view word, Colour colour, const std::string& text) {
    terminal.line(fmt::format("{} {}: {}", terminal.paint(fmt::format("{:5}", word), colour),
                              record.id, short_reason(text)));
  };
  const auto verdict = reports::name(record.verdict);
  const std::string why = record.waiver ? record.waiver->reason : "";
  if (record.has(Mark::kUnexpectedPass)) {
    say("unexpected pass", Colour::kBad, "a waiver expects a failure: " + why);
  } else if (reports::is_failure(record.verdict) && record.has(Mark::kWaived)) {
    say(fmt::format("waived {}", verdict), Colour::kDim, why);
  } else if (reports::is_failure(record.verdict) || record.verdict == Verdict::kError) {
    say(verdict, Colour::kBad, record.reason);
  }
}

std::string tally(const std::vector<reports::Case>& cases) {
  std::string text;
  for (const auto verdict : reports::kVerdicts) {
    std::uint64_t number = 0, waived = 0, unexpected = 0;
    for (const auto& record : cases) {
      if (record.verdict != verdict) continue;
      ++number;
      waived += record.has(Mark::kWaived);
      unexpected += record.has(Mark::kUnexpectedPass);
    }
    if (number == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, reports::name(verdict));
    if (waived > 0) text += fmt::format(" ({} waived)", waived);
    if (unexpected > 0) text += fmt::format(" ({} unexpected)", unexpected);
  }
  return text.empty() ? "nothing" : text;
}

int conclude(Application& application, Journal& journal, const Conclusion& conclusion) {
  journal.finish(summarize(journal.results(), conclusion));
  if (journal.error()) throw Exit{kBroken, *journal.error()};
  auto& terminal = application.terminal();
  for (const auto& request : conclusion.reports) {
    const auto written = reports::write_report(*request.format, journal.results(), request.path,
                                               {request.path == "-" && terminal.colour()});
    if (!written) throw Exit{kBroken, written.error()};
  }
  if (conclusion.path != "-") tell_totals(terminal, journal.results(), conclusion);
  tell_odds(terminal, journal.results(), conclusion);
  return journal.results().summary->exit_status;
}

}  // namespace hypervet::cli
