// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/comparison_conclusion.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/comparison_writers.h"
#include "reports/path_table.h"
#include "reports/text.h"

namespace hypervet::cli {

const char* const kComparisonStatuses =
    "Exit status: 0 nothing regressed, 1 a path regressed, 2 usage or a bad stream,\n"
    "3 a launch failed or a report cannot be written,\n"
    "5 a path is inconclusive and --fail-on inconclusive is given,\n"
    "6 a path is too noisy or cannot be compared, 130 interrupted.\n"
    "Of several 1 comes before 6, and 6 before 5.";

namespace {

using reports::Breaks;
using reports::Outcome;
using reports::TimingComparison;

struct ReportRequest {
  const reports::ComparisonFormat* format;
  std::string path;
};

std::vector<ReportRequest> requests_of(const ComparisonOptions& options) {
  std::vector<ReportRequest> requests;
  for (const std::string& text : options.reports) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto* format = reports::find_comparison_format(name);
    if (format == nullptr) {
      throw Exit{kUsage, fmt::format("unknown report format '{}' of a comparison; there are {}",
                                     name, reports::comparison_format_names())};
    }
    if (equals == std::string::npos || equals + 1 == text.size())
      throw Exit{kUsage, fmt::format("--report takes FORMAT=FILE, not '{}'", text)};
    requests.push_back({format, text.substr(equals + 1)});
  }
  return requests;
}

Colour colour_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRegressed:
    case Outcome::kNotComparable:
      return Colour::kBad;
    case Outcome::kImproved:
      return Colour::kGood;
    case Outcome::kInconclusive:
      return Colour::kStrong;
    case Outcome::kEquivalent:
      return Colour::kDim;
  }
  return Colour::kNone;
}

std::string build_line(std::string_view letter, const std::string& name, const reports::Run& run) {
  const auto shown = [](const std::string& text) { return reports::visible(text, Breaks::kSpell); };
  return fmt::format("{}  {}: {} ({}{}); hypervet {}, {}", letter, shown(name), shown(run.target),
                     shown(run.backend), run.lab.empty() ? "" : " in lab " + shown(run.lab),
                     shown(run.hypervet), shown(run.started));
}

// Counted paths take no statistics, so nothing is said of them where there are no others.
std::string method_line(const TimingComparison& comparison) {
  const bool measured = std::ranges::any_of(
      comparison.rows, [](const auto& row) { return row.has_figures() && !row.exact; });
  if (!measured) return "counted, not measured: differences are exact";
  return fmt::format(
      "hierarchical bootstrap of the ratio of medians, {} draws, seed {}; margin {}; "
      "noise floor from {}",
      comparison.draws, comparison.seed, reports::percent(comparison.margin),
      comparison.noise_source);
}

void print(Terminal& terminal, const TimingComparison& comparison) {
  terminal.line(build_line("A", comparison.name_a, comparison.a));
  terminal.line(build_line("B", comparison.name_b, comparison.b));
  terminal.line(method_line(comparison));
  for (const std::string& caution : comparison.cautions)
    terminal.line(
        terminal.paint("warning: " + reports::visible(caution, Breaks::kSpell), Colour::kStrong));
  terminal.line("");
  for (const auto& line : reports::comparison_table(comparison)) {
    if (line.outcome.empty()) {
      terminal.line(terminal.paint(line.text + "verdict", Colour::kStrong));
    } else {
      terminal.line(line.text + terminal.paint(line.outcome, colour_of(line.value)));
    }
    if (!line.reason.empty()) terminal.line("      " + line.reason);
  }
  terminal.line("");
}

int status_of(const TimingComparison& comparison, const std::string& fail_on) {
  const auto counts = reports::count(comparison.rows);
  if (counts[Outcome::kRegressed] > 0) return kRegression;
  // A comparison of nothing is not green.
  if (counts[Outcome::kNotComparable] > 0 || counts.total() == 0) return kNotComparable;
  if (counts[Outcome::kInconclusive] > 0 && fail_on == "inconclusive") return kInconclusive;
  return kNoRegression;
}

}  // namespace

void add_comparison_options(CLI::App* verb, ComparisonOptions& options) {
  verb->add_option("--margin", options.margin,
                   "Changes below are of no interest; default 2, and 0 where costs are counted")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT");
  verb->add_option("--max-noise", options.noisiest,
                   "A path with more noise that shows no change is too noisy")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str()
      ->type_name("PERCENT");
  verb->add_option("--draws", options.draws, "Draws of the bootstrap for each path")
      ->check(CLI::Range(std::uint64_t{1000}, std::uint64_t{10'000'000}))
      ->capture_default_str();
  verb->add_option("--seed", options.seed, "Of the bootstrap")->capture_default_str();
  verb->add_option("--fail-on", options.fail_on, "What else fails: inconclusive")
      ->check(CLI::IsMember({"inconclusive"}));
  verb->add_option("--report", options.reports,
                   "The comparison as a document: " + reports::comparison_format_names())
      ->type_name("FORMAT=FILE");
}

measure::CompareOptions statistics_of(const ComparisonOptions& options) {
  measure::CompareOptions statistics;
  if (options.margin >= 0) statistics.margin = statistics.exact_margin = options.margin / 100;
  statistics.noisiest = options.noisiest / 100;
  statistics.draws = options.draws;
  statistics.seed = options.seed;
  return statistics;
}

void check_reports(const ComparisonOptions& options) { requests_of(options); }

int conclude(Application& application, const ComparisonOptions& options,
             const TimingComparison& comparison, const std::vector<std::string>& streams) {
  auto& terminal = application.terminal();
  const auto requests = requests_of(options);
  // A report on standard output has it for itself.
  const bool quiet = std::ranges::find(requests, "-", &ReportRequest::path) != requests.end();
  const bool hopeless = !comparison.obstacle.empty();
  if (!quiet && !hopeless) print(terminal, comparison);
  if (!quiet) {
    for (const auto& stream : streams) terminal.line(fmt::format("results: {}", stream));
  }
  for (const auto& request : requests) {
    const auto written = reports::write_comparison(*request.format, comparison, request.path);
    if (!written) throw Exit{kBroken, written.error()};
    if (!quiet) terminal.line(fmt::format("report: {}", request.path));
  }
  if (hopeless) throw Exit{kNotComparable, "not comparable: " + comparison.obstacle};
  const int status = status_of(comparison, options.fail_on);
  if (!quiet)
    terminal.line(terminal.paint(reports::tally(comparison),
                                 status == kNoRegression ? Colour::kGood : Colour::kBad));
  return status;
}

}  // namespace hypervet::cli
