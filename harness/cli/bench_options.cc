// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/bench_options.h"

#include <fmt/format.h>

#include "harness/measure/preflight.h"

namespace hypervet::cli {

bool counts_instructions(const ExecutionOptions& where) {
  return where.lab ? where.lab.exact : where.backend.name == "sim";
}

void add_bench_options(const Application& application, CLI::App* verb, BenchOptions& options) {
  auto& where = options.where;
  application.add_backend_options(verb, where.backend);
  add_lab_options(verb, where.lab);
  verb->get_option("--backend")->excludes("--lab");
  verb->add_option("--samples", options.sampling.samples,
                   "Batches timed for each path and launch; default 1000 over all launches")
      ->check(CLI::Range(1, 100000));
  verb->add_option("--batch", options.sampling.batch,
                   "Operations between two readings of the clock; default 1 in an exact lab, else "
                   "what the path needs")
      ->check(CLI::Range(1, 1'000'000));
  verb->add_option("--warmup", options.sampling.warmup, "Batches thrown away before")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  verb->add_option("--lives", options.sampling.lives,
                   "Machines made and destroyed for a machine's life")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  verb->add_option("--timeout", where.timeout, "Seconds for one path")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  verb->add_flag("--strict-env", options.strict_environment,
                 "Refuse a machine that is not fit to time things on (status 6)");
  verb->add_flag("--no-preflight", options.no_preflight,
                 "Do not look whether this machine is fit to time things on");
}

void settle(BenchOptions& options, std::size_t launches) {
  auto& samples = options.sampling.samples;
  if (samples == 0) samples = (kUsualSamples + launches - 1) / launches;
  // An instruction clock needs no batches to see small things, and what counts takes its time.
  if (options.where.lab.exact && options.sampling.batch == 0) options.sampling.batch = 1;
}

std::string look_around(Application& application, const BenchOptions& options) {
  if (counts_instructions(options.where) || options.no_preflight) return {};
  std::string notes;
  bool bad = false;
  for (const auto& found : measure::preflight()) {
    notes += fmt::format("{}{}: {}", notes.empty() ? "" : "\n", found.name, found.state);
    if (found.bad.empty()) continue;
    bad = true;
    notes += fmt::format(" ({})", found.bad);
    application.terminal().error(
        fmt::format("hypervet: {} is {}: {}", found.name, found.state, found.bad));
  }
  if (bad && options.strict_environment)
    throw Exit{kNoisy, "this machine is not fit to time things on (--strict-env)"};
  return notes;
}

}  // namespace hypervet::cli
