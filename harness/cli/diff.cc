// SPDX-License-Identifier: Apache-2.0
// hypervet diff: two stored streams against each other. Needs neither specs nor a backend.
#include "reports/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "harness/cli/application.h"
#include "reports/diff_writers.h"
#include "reports/stream/reader.h"
#include "reports/text.h"

namespace hypervet::cli {
namespace {

using reports::Breaks;
using reports::Case;
using reports::CasePair;
using reports::Change;
using reports::Comparison;

constexpr std::size_t kLongestReason = 160;  // the report has the whole of it

struct Options {
  std::string before;
  std::string after;
  std::vector<std::string> reports;
};

struct ReportRequest {
  const reports::DiffFormat* format;
  std::string path;
};

std::vector<ReportRequest> parse_reports(const Options& options) {
  std::vector<ReportRequest> requests;
  for (const auto& text : options.reports) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto* format = reports::find_diff_format(name);
    if (format == nullptr) {
      throw Exit{kUsage, fmt::format("unknown report format '{}' of a difference; there are {}",
                                     name, reports::diff_format_names())};
    }
    if (equals == std::string::npos || equals + 1 == text.size()) {
      throw Exit{kUsage, fmt::format("--report takes FORMAT=FILE, not '{}'", text)};
    }
    requests.push_back({format, text.substr(equals + 1)});
  }
  return requests;
}

reports::Results read(Terminal& terminal, const std::string& path) {
  auto read = reports::read_results_file(path);
  if (!read) throw Exit{kUsage, reports::to_string(read.error())};
  if (read->results.truncated)
    terminal.error(fmt::format("hypervet: {}: the last line is cut; the rest is compared", path));
  return std::move(read->results);
}

std::string one_line(std::string_view text) {
  const auto line = reports::visible(text.substr(0, kLongestReason), Breaks::kSpell);
  return text.size() > kLongestReason ? line + "..." : line;
}

std::string run_line(std::string_view letter, const std::string& path, const reports::Run& run) {
  return fmt::format("{}  {}: {} ({}); hypervet {}, {}, specs {}", letter, path,
                     one_line(run.target), one_line(run.backend), one_line(run.hypervet),
                     one_line(run.started),
                     run.spec_hash.empty() ? "unknown" : one_line(run.spec_hash));
}

std::string verdict(const Terminal& terminal, const Case* c) {
  if (c == nullptr) return terminal.paint(fmt::format("{:5}", "-"), Colour::kDim);
  auto colour = Colour::kDim;
  if (c->verdict == reports::Verdict::kPass) colour = Colour::kGood;
  if (reports::is_failure(c->verdict) || c->verdict == reports::Verdict::kError)
    colour = Colour::kBad;
  return terminal.paint(fmt::format("{:5}", reports::name(c->verdict)), colour);
}

// Why the case is now as it is; of a failure that stays one, what is new about it.
std::string reason(const CasePair& pair) {
  if (pair.change == Change::kOtherValue && pair.after->observed != pair.before->observed) {
    return fmt::format("observed {} (was {})", one_line(pair.after->observed),
                       one_line(pair.before->observed));
  }
  return one_line(pair.any().reason);
}

std::string difference_line(const Terminal& terminal, const CasePair& pair) {
  std::string line =
      fmt::format("  {} -> {}  {}", verdict(terminal, pair.before), verdict(terminal, pair.after),
                  reports::visible(pair.any().id, Breaks::kSpell));
  for (const auto mark : pair.any().marks) line += fmt::format(" ({})", reports::name(mark));
  const auto why = reason(pair);
  return why.empty() ? line : fmt::format("{}: {}", line, why);
}

void print(Terminal& terminal, const Options& options, const Comparison& comparison) {
  terminal.line(run_line("A", options.before, comparison.before_results().run));
  terminal.line(run_line("B", options.after, comparison.after_results().run));
  for (const auto& caution : comparison.cautions())
    terminal.line(terminal.paint("warning: " + caution, Colour::kStrong));
  auto group = Change::kNone;
  for (const auto& pair : comparison.differences()) {
    if (pair.change != group) {
      group = pair.change;
      terminal.line("");
      terminal.line(terminal.paint(
          fmt::format("{} ({})", reports::title(group), comparison.count(group)), Colour::kStrong));
    }
    terminal.line(difference_line(terminal, pair));
  }
  terminal.line("");
}

int execute(Application& application, const Options& options) {
  const auto requests = parse_reports(options);
  if (options.before == "-" && options.after == "-")
    throw Exit{kUsage, "only one of the two streams can be standard input"};
  auto& terminal = application.terminal();
  const auto before = read(terminal, options.before);
  const auto after = read(terminal, options.after);
  const Comparison comparison(before, after);
  const bool worse = comparison.count(Change::kWorse) > 0;
  // A report on standard output has it for itself.
  const bool quiet = std::ranges::find(requests, "-", &ReportRequest::path) != requests.end();
  if (!quiet) print(terminal, options, comparison);
  for (const auto& request : requests) {
    const auto written = reports::write_diff(*request.format, comparison, request.path);
    if (!written) throw Exit{kBroken, written.error()};
    if (!quiet) terminal.line(fmt::format("report: {}", request.path));
  }
  if (!quiet)
    terminal.line(terminal.paint(comparison.tally(), worse ? Colour::kBad : Colour::kGood));
  if (worse) return kFailure;
  return comparison.judged_in_both() > 0 ? kConformant : kBroken;
}

}  // namespace

void add_diff(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb("diff", "What changed from one run to another, case by case",
                                [&application, options] { return execute(application, *options); });
  verb->add_option("A", options->before, "Stream of the older run; - is standard input")
      ->required();
  verb->add_option("B", options->after, "Stream of the newer run; - is standard input")->required();
  verb->add_option("--report", options->reports,
                   "Both runs side by side: " + reports::diff_format_names())
      ->type_name("FORMAT=FILE");
  verb->footer(
      "Exit status: 0 nothing got worse, 1 a case got worse (pass to fail, hang, crash or error; "
      "or "
      "a failure to a\n"
      "graver one, waived or not), 2 usage or a bad stream, 3 no case was judged in both runs, or "
      "a "
      "report cannot be written.");
}

}  // namespace hypervet::cli
