// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/judging.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "harness/cli/journal.h"
#include "harness/run/runner.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

struct ReportRequest {
  const reports::Format* format;
  std::string path;
};

std::vector<ReportRequest> parse_reports(const JudgingOptions& options,
                                         const std::string& results) {
  std::vector<ReportRequest> requests;
  for (const auto& text : options.reports) {
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
  if (options.reports.empty() && options.results.empty()) {
    requests.push_back(
        {reports::find_format("html"), fs::path(results).replace_extension(".html").string()});
  }
  return requests;
}

std::string tally(const reports::Counts& counts) {
  std::string text;
  for (const auto verdict : reports::kVerdicts) {
    if (counts[verdict] > 0)
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[verdict], reports::name(verdict));
  }
  return text.empty() ? "nothing" : text;
}

// A case that did not pass, as it happens.
void tell(Terminal& terminal, const reports::Case& record) {
  if (!reports::is_failure(record.verdict) && record.verdict != reports::Verdict::kError) return;
  constexpr std::size_t kLongest = 160;  // the report has the whole reason
  const auto reason =
      record.reason.size() > kLongest ? record.reason.substr(0, kLongest) + "..." : record.reason;
  terminal.line(fmt::format(
      "{} {}: {}", terminal.paint(fmt::format("{:5}", reports::name(record.verdict)), Colour::kBad),
      record.id, reports::visible(reason, reports::Breaks::kSpell)));
}

}  // namespace

void add_judging_options(const Application& application, CLI::App* verb, JudgingOptions& options) {
  application.add_backend_options(verb, options.backend);
  verb->add_option("--jobs", options.jobs, "Machines at a time; default one per processor")
      ->check(CLI::Range(1, 256));
  verb->add_option("--seed", options.seed, "Schedule of the simulated CPUs")->capture_default_str();
  verb->add_option("--isolation", options.isolation,
                   "A machine for each case, or many cases to a boot")
      ->check(CLI::IsMember({"case", "batch"}))
      ->capture_default_str();
  verb->add_option("--channel", options.channel,
                   "How observations leave the guest: memory, or serial as VMMs without shared "
                   "memory have it")
      ->check(CLI::IsMember({"memory", "serial"}))
      ->capture_default_str();
  verb->add_option("--timeout", options.timeout, "Seconds for one case")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  verb->add_flag("--fail-fast", options.fail_fast, "Stop after the first failure");
  verb->add_option("--results", options.results, "Stream of results; - is standard output")
      ->type_name("FILE.jsonl");
  verb->add_option("--report", options.reports, "Report of a format: " + reports::format_names())
      ->type_name("FORMAT=FILE");
}

int judge_instances(
    Application& application, const spec::Specs& specs,
    const std::vector<std::pair<const spec::Interface*, const spec::Clause*>>& clauses,
    std::vector<run::Instance> instances, const JudgingOptions& options) {
  if (options.isolation == "batch") {
    throw Exit{
        kUsage,
        fmt::format(
            "backend {} runs each case on a machine of its own; --isolation batch is for VMMs "
            "that are slow to start",
            options.backend.name)};
  }
  const std::string path = options.results.empty()
                               ? fmt::format("hypervet-results/{}.jsonl", options.backend.name)
                               : options.results;
  const auto requests = parse_reports(options, path);
  const auto backend = application.make_backend(options.backend);
  const unsigned jobs =
      options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  const auto invocation = application.invocation(jobs);
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options.timeout * 1e9));

  const auto started = std::chrono::steady_clock::now();
  auto session = run::open_session(specs, *backend, options.seed, limits);
  if (!session) throw Exit{kBroken, session.error()};
  session->channel = options.channel;
  const auto planned = instances.size();
  Journal journal(path, options.resume, run::run_record(*session, invocation, planned),
                  run::interface_records(clauses, instances));
  std::erase_if(instances, [&](const auto& instance) { return journal.has(instance.id); });

  auto& terminal = application.terminal();
  const bool quiet = path == "-";
  if (!quiet) {
    terminal.line(fmt::format("{}: {} cases on {} ({})", session->target.name, instances.size(),
                              backend->name(), session->target.provider));
  }
  std::size_t done = 0;
  const auto result = run::run_all(
      *session, invocation, instances, {jobs, options.fail_fast, &Application::interrupt()},
      [&](const reports::Case& record) {
        ++done;
        if (!quiet) {
          tell(terminal, record);
          terminal.progress(fmt::format("[{}/{}] {}", done, instances.size(), record.id));
        }
        return journal.add(record);
      });
  if (journal.error()) throw Exit{kBroken, *journal.error()};

  const auto counts = reports::count(journal.results().cases);
  int status = run::exit_status(counts);
  if (result.interrupted) {
    terminal.error(
        fmt::format("interrupted after {} of {} cases; go on with: {} run --resume {} --backend {}",
                    journal.results().cases.size(), planned, application.command(), path,
                    options.backend.name));
    return kInterrupted;
  }
  reports::Summary summary;
  summary.counts = counts;
  summary.planned = planned;
  summary.executed = journal.results().cases.size();
  summary.conformant = status == kConformant;
  summary.exit_status = status;
  summary.wall_ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                                   std::chrono::steady_clock::now() - started)
                                                   .count());
  journal.finish(summary);
  if (journal.error()) throw Exit{kBroken, *journal.error()};

  for (const auto& request : requests) {
    const auto written = reports::write_report(*request.format, journal.results(), request.path,
                                               {request.path == "-" && terminal.colour()});
    if (!written) throw Exit{kBroken, written.error()};
  }
  if (!quiet) {
    terminal.line(
        fmt::format("{} in {:.2f} s", tally(counts), static_cast<double>(summary.wall_ns) / 1e9));
    terminal.line(fmt::format("results: {}", path));
    for (const auto& request : requests) terminal.line(fmt::format("report:  {}", request.path));
    if (session->target.is_model) {
      terminal.line(terminal.paint(
          "This was hypervet's own reference model: no hypervisor was judged.", Colour::kDim));
    }
    const auto& cases = journal.results().cases;
    const auto failed =
        std::ranges::find_if(cases, [](const auto& c) { return reports::is_failure(c.verdict); });
    if (failed != cases.end()) terminal.line(fmt::format("again:   {}", failed->reproduce));
  }
  return status;
}

}  // namespace hypervet::cli
