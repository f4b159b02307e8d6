// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/judging.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "harness/cli/conclusion.h"
#include "harness/cli/journal.h"
#include "harness/run/runner.h"
#include "harness/waive/load.h"
#include "harness/waive/policy.h"
#include "reports/text.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

std::vector<waive::Waiver> load_waivers(const JudgingOptions& options) {
  const std::vector<fs::path> paths(options.waivers.begin(), options.waivers.end());
  auto waivers = waive::load(paths);
  if (!waivers) throw Exit{kUsage, spec::to_string(waivers.error())};
  return std::move(*waivers);
}

std::string stream_path(const JudgingOptions& options) {
  if (!options.results.empty()) return options.results;
  return fmt::format("hypervet-results/{}.jsonl", options.backend.name);
}

std::vector<ReportRequest> wanted_reports(const JudgingOptions& options) {
  auto requests = parse_reports(options.reports);
  if (options.reports.empty() && options.results.empty()) {
    const auto html = fs::path(stream_path(options)).replace_extension(".html");
    requests.push_back({reports::find_format("html"), html.string()});
  }
  return requests;
}

// The command that goes on with the stream at `path`.
std::string resuming(const Application& application, const std::string& path,
                     const JudgingOptions& options) {
  std::vector<std::string> words = {application.command(), "run", "--resume", path, "--backend",
                                    options.backend.name};
  for (const auto& file : options.waivers) words.insert(words.end(), {"--waivers", file});
  if (options.strict) words.push_back("--strict");
  return reports::shell_line(words);
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
  verb->add_flag("--fail-fast", options.fail_fast,
                 "Stop after the first failure that is not waived");
  verb->add_option("--waivers", options.waivers, "Reviewed failures that are expected; repeatable")
      ->type_name("FILE.yaml")
      ->allow_extra_args(false);
  verb->add_flag("--strict", options.strict,
                 "Status 4 for a lapsed or stale waiver, or a pass where one expects a failure");
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
  Conclusion conclusion;
  conclusion.path = stream_path(options);
  conclusion.reports = wanted_reports(options);
  conclusion.strict = options.strict;
  const auto waivers = load_waivers(options);
  const auto backend = application.make_backend(options.backend);
  const unsigned jobs =
      options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  const auto invocation = application.invocation(jobs);
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options.timeout * 1e9));

  conclusion.started = std::chrono::steady_clock::now();
  auto session = run::open_session(specs, *backend, options.seed, limits);
  if (!session) throw Exit{kBroken, session.error()};
  session->channel = options.channel;
  const waive::Policy policy(waivers, session->target.name, waive::today_utc());
  conclusion.complaints = policy.complaints(instances, options.whole_suite);
  conclusion.planned = instances.size();
  conclusion.is_model = session->target.is_model;
  Journal journal(conclusion.path, options.resume,
                  run::run_record(*session, invocation, conclusion.planned),
                  run::interface_records(clauses, instances));
  std::erase_if(instances, [&](const auto& instance) { return journal.has(instance.id); });

  auto& terminal = application.terminal();
  const bool quiet = conclusion.path == "-";
  if (!quiet) {
    terminal.line(fmt::format("{}: {} cases on {} ({})", session->target.name, instances.size(),
                              backend->name(), session->target.provider));
  }
  std::size_t done = 0;
  const auto result = run::run_all(
      *session, invocation, instances,
      {jobs, options.fail_fast, &Application::interrupt(),
       [&](reports::Case& record) { policy.mark(record); }},
      [&](const reports::Case& record) {
        ++done;
        if (!quiet) {
          tell(terminal, record);
          terminal.progress(fmt::format("[{}/{}] {}", done, instances.size(), record.id));
        }
        return journal.add(record);
      });
  if (journal.error()) throw Exit{kBroken, *journal.error()};
  if (result.interrupted) {
    terminal.error(fmt::format("interrupted after {} of {} cases; go on with: {}",
                               journal.results().cases.size(), conclusion.planned,
                               resuming(application, conclusion.path, options)));
    return kInterrupted;
  }
  return conclude(application, journal, conclusion);
}

}  // namespace hypervet::cli
