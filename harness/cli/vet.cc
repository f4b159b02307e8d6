// SPDX-License-Identifier: Apache-2.0
// hypervet vet: proves the suite on the simulator.
#include "harness/run/vet.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "harness/cli/application.h"
#include "harness/cli/execution.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> globs;
  BackendChoice backend;
  LabChoice lab;
  unsigned jobs = 0;
  std::uint64_t seed = 1;
};

std::string_view kind(run::Survivor::Kind kind) {
  switch (kind) {
    case run::Survivor::Kind::kNotClean:
      return "not clean";
    case run::Survivor::Kind::kViolation:
      return "survived";
    case run::Survivor::Kind::kNeverCommitted:
      return "never committed";
    case run::Survivor::Kind::kUnprovenCase:
      return "unproven case";
    case run::Survivor::Kind::kSpec:
      return "spec error";
  }
  return "?";
}

// A real hypervisor commits no violation on demand, so a lab shows the clean half alone: that each
// case passes there, or is not for that target.
int vet_clean_half(Application& application, const Options& options, const spec::Specs& specs,
                   const std::vector<run::Instance>& instances) {
  auto& terminal = application.terminal();
  ExecutionOptions where;
  where.lab = options.lab;
  where.seed = options.seed;
  std::size_t done = 0;
  std::size_t clean = 0;
  std::size_t skipped = 0;
  Listener listener;
  listener.begun = [](const reports::Run&, bool) {};
  listener.mark = [](reports::Case&) {};
  listener.judged = [&](const reports::Case& record) {
    terminal.progress(fmt::format("[{}/{}] {}", ++done, instances.size(), record.id));
    if (record.verdict == reports::Verdict::kPass) {
      ++clean;
    } else if (record.verdict == reports::Verdict::kSkip) {
      ++skipped;
    } else {
      terminal.line(fmt::format("{} {}: {}: {}\n    {}", terminal.paint("not clean", Colour::kBad),
                                record.id, reports::name(record.verdict), record.reason,
                                record.location));
    }
    return true;
  };
  const auto executed =
      make_execution(application, specs, where)->run(instances, instances.size(), false, listener);
  if (executed.interrupted) {
    terminal.error("hypervet: interrupted; nothing is proved");
    return kInterrupted;
  }
  if (executed.broken) throw Exit{kBroken, *executed.broken};
  terminal.line(
      fmt::format("clean: {} of {} cases, {} skipped; violations are committed on the "
                  "simulator alone",
                  clean, instances.size(), skipped));
  return clean + skipped == instances.size() && clean > 0 ? kConformant : kFailure;
}

int execute(Application& application, const Options& options) {
  const auto specs = application.load_specs();
  const auto instances = run::select(specs, {options.globs, spec::Level::kMay, {}});
  if (!instances) throw Exit{kUsage, instances.error()};
  if (options.lab) return vet_clean_half(application, options, specs, *instances);
  const auto backend = application.make_backend(options.backend);
  if (!backend->commits_violations()) {
    throw Exit{kUsage, fmt::format("backend {} cannot commit violations; vet runs on the simulator",
                                   backend->name())};
  }
  const auto possible = run::without_absent_devices(*instances, run::devices_of(*backend));
  const auto session = run::open_session(specs, *backend, options.seed, {});
  if (!session) throw Exit{kBroken, session.error()};
  auto& terminal = application.terminal();
  run::VetOptions vet_options;
  vet_options.jobs =
      options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  vet_options.interrupt = &Application::interrupt();
  vet_options.progress = [&](std::size_t done, std::size_t total) {
    terminal.progress(fmt::format("[{}/{}] trials", done, total));
  };
  const auto result = run::vet(*session, possible, vet_options);
  if (result.interrupted) {
    terminal.error("hypervet: interrupted; nothing is proved");
    return kInterrupted;
  }
  for (const auto& survivor : result.survivors) {
    terminal.line(fmt::format(
        "{} {}: {}: {}\n    {}", terminal.paint(kind(survivor.kind), Colour::kBad), survivor.clause,
        survivor.what.empty() ? "(its one case)" : survivor.what, survivor.reason, survivor.where));
  }
  terminal.line(fmt::format("violations: {} of {} caught; clauses: {} of {} proven", result.caught,
                            result.violations, result.proven, result.testable));
  return result.proved() ? kConformant : kFailure;
}

}  // namespace

void add_vet(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb("vet", "Prove the suite: every declared violation must be caught",
                                [&application, options] { return execute(application, *options); });
  verb->add_option("ID-GLOB", options->globs,
                   "Clauses, interfaces or case instances; * and ? are wildcards");
  application.add_backend_options(verb, options->backend);
  add_lab_options(verb, options->lab);
  verb->add_option("--jobs", options->jobs, "Machines at a time; default one per processor")
      ->check(CLI::Range(1, 256));
  verb->add_option("--seed", options->seed, "Schedule of the simulated CPUs")
      ->capture_default_str();
}

}  // namespace hypervet::cli
