// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/judging.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>

#include "harness/cli/conclusion.h"
#include "harness/cli/journal.h"
#include "harness/run/records.h"
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
  const auto& where = options.where;
  return fmt::format("hypervet-results/{}.jsonl",
                     where.lab ? where.lab.name() : where.backend.stem());
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
std::string resuming(const Application& application, const Execution& execution,
                     const std::string& path, const JudgingOptions& options) {
  std::vector<std::string> words = {application.command(), "run", "--resume", path};
  std::ranges::copy(execution.words(), std::back_inserter(words));
  for (const auto& file : options.waivers) words.insert(words.end(), {"--waivers", file});
  if (options.strict) words.push_back("--strict");
  return reports::shell_line(words);
}

// What is to be judged once the verdicts of the stream that is continued are left out.
std::vector<run::Instance> remaining(std::vector<run::Instance> instances,
                                     const JudgingOptions& options, const std::string& path) {
  if (options.resume) {
    const auto judged = Journal::judged(path);
    std::erase_if(instances, [&](const auto& instance) { return judged.contains(instance.id); });
  }
  return instances;
}

}  // namespace

void add_judging_options(const Application& application, CLI::App* verb, JudgingOptions& options) {
  auto& where = options.where;
  application.add_backend_options(verb, where.backend);
  add_lab_options(verb, where.lab);
  verb->get_option("--backend")->excludes("--lab");
  verb->add_option("--jobs", where.jobs,
                   "Machines at a time; default one per processor, of a VMM four")
      ->check(CLI::Range(1, 256));
  verb->add_option("--seed", where.seed, "Schedule of the simulated CPUs")->capture_default_str();
  verb->add_option("--isolation", options.isolation,
                   "A machine for each case, or many cases to a boot")
      ->check(CLI::IsMember({"case", "batch"}))
      ->capture_default_str();
  verb->add_option("--channel", where.channel,
                   "How observations leave the guest: memory, or serial as VMMs without shared "
                   "memory have it")
      ->check(CLI::IsMember({"memory", "serial"}))
      ->capture_default_str();
  verb->add_option("--timeout", where.timeout, "Seconds for one case")
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
    const std::vector<run::Instance>& selected, const JudgingOptions& options) {
  if (options.isolation == "batch") {
    throw Exit{
        kUsage,
        fmt::format(
            "backend {} runs each case on a machine of its own; --isolation batch is for VMMs "
            "that are slow to start",
            options.where.backend.name)};
  }
  Conclusion conclusion;
  conclusion.path = stream_path(options);
  conclusion.reports = wanted_reports(options);
  conclusion.strict = options.strict;
  conclusion.started = std::chrono::steady_clock::now();
  const auto waivers = load_waivers(options);
  const auto execution = make_execution(application, specs, options.where);
  const auto instances = execution->possible(selected);
  conclusion.planned = instances.size();
  const auto wanted = remaining(instances, options, conclusion.path);

  auto& terminal = application.terminal();
  const bool quiet = conclusion.path == "-";
  std::optional<waive::Policy> policy;
  std::optional<Journal> journal;
  std::size_t done = 0;
  Listener listener;
  listener.begun = [&](const reports::Run& run, bool is_model) {
    policy.emplace(waivers, run.target, waive::today_utc());
    conclusion.complaints = policy->complaints(instances, options.whole_suite);
    conclusion.is_model = is_model;
    journal.emplace(conclusion.path, options.resume, run,
                    run::interface_records(clauses, instances));
    if (!quiet) {
      terminal.line(fmt::format("{}: {} cases on {} ({})", run.target, wanted.size(), run.backend,
                                run.provider));
    }
  };
  listener.mark = [&](reports::Case& record) { policy->mark(record); };
  listener.judged = [&](const reports::Case& record) {
    ++done;
    if (!quiet) {
      tell(terminal, record);
      terminal.progress(fmt::format("[{}/{}] {}", done, wanted.size(), record.id));
    }
    return journal->add(record);
  };
  const auto executed = execution->run(wanted, conclusion.planned, options.fail_fast, listener);
  if (!journal) return kInterrupted;  // before anything was judged
  if (journal->error()) throw Exit{kBroken, *journal->error()};
  for (const auto& log : executed.logs) journal->add(log);
  if (executed.interrupted) {
    terminal.error(fmt::format("interrupted after {} of {} cases; go on with: {}",
                               journal->results().cases.size(), conclusion.planned,
                               resuming(application, *execution, conclusion.path, options)));
    return kInterrupted;
  }
  conclusion.wall_ns = executed.wall_ns;
  conclusion.broken = executed.broken.has_value();
  const int status = conclude(application, *journal, conclusion);
  if (executed.broken) terminal.error("hypervet: " + *executed.broken);
  return status;
}

}  // namespace hypervet::cli
