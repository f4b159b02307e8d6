// SPDX-License-Identifier: Apache-2.0
// hypervet bench: times hot paths, writes the stream and the reports.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "harness/cli/application.h"
#include "harness/cli/bench_options.h"
#include "harness/cli/bench_stream.h"
#include "harness/cli/conclusion.h"
#include "harness/cli/google_benchmark.h"
#include "harness/cli/launcher.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::cli {
namespace {

// Statistics need launches; where instructions are counted every launch is like the first.
constexpr std::size_t kUsualLaunches = 5;

struct Options {
  BenchOptions bench;
  std::size_t launches = 0;  // 0: as many as the place needs
  std::string results;
  std::vector<std::string> reports;
  std::string benchmark_out;
};

std::string stream_path(const Options& options) {
  if (!options.results.empty()) return options.results;
  const auto& where = options.bench.where;
  return fmt::format("hypervet-results/bench-{}.jsonl",
                     where.lab ? where.lab.name() : where.backend.stem());
}

std::string figure(double value) {
  return value >= 100'000 ? fmt::format("{:.4g}", value) : fmt::format("{:.1f}", value);
}

std::string dividend(const reports::Path& path) {
  if (!path.dividend) return "";
  return fmt::format("{:.2f}x [{:.2f}, {:.2f}]", path.dividend->value, path.dividend->low,
                     path.dividend->high);
}

void show(Terminal& terminal, const std::vector<reports::Path>& paths) {
  std::size_t width = 4;
  for (const auto& path : paths) width = std::max(width, path.id.size());
  terminal.line(
      terminal.paint(fmt::format("{:{}} {:>12} {:>11} {:>11} {:>11} {:>7} {:>7}  {}", "path", width,
                                 "unit", "min", "median", "p99", "spread", "noise", "dividend"),
                     Colour::kStrong));
  for (const auto& path : paths) {
    if (!path.measured()) {
      terminal.line(fmt::format(
          "{:{}} {}", path.id, width,
          terminal.paint(reports::visible(path.reason, reports::Breaks::kSpell), Colour::kDim)));
      continue;
    }
    terminal.line(fmt::format("{:{}} {:>12} {:>11} {:>11} {:>11} {:>6.1f}% {:>6.1f}%  {}", path.id,
                              width, path.unit, figure(path.min), figure(path.median),
                              figure(path.p99), path.spread * 100, path.noise_floor * 100,
                              dividend(path)));
  }
}

int execute(Application& application, const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  auto bench_options = options.bench;
  const bool counted = counts_instructions(bench_options.where);
  const std::size_t launches =
      options.launches != 0 ? options.launches : (counted ? 1 : kUsualLaunches);
  settle(bench_options, launches);
  const auto path = stream_path(options);
  auto requests = parse_reports(options.reports);
  if (options.reports.empty() && options.results.empty())
    requests.push_back({reports::find_format("html"),
                        std::filesystem::path(path).replace_extension(".html").string()});
  const auto specs = application.load_specs();
  const auto notes = look_around(application, bench_options);
  auto& terminal = application.terminal();
  const bool quiet = path == "-";
  Benched benched;
  const auto launcher = make_launcher(application, specs, bench_options);
  launcher->launch(launches, benched, [&](std::string_view what) {
    // Who reads the stream sees that there is life.
    if (quiet) {
      terminal.error(what);
    } else {
      terminal.progress(what);
    }
  });
  if (benched.interrupted) {
    terminal.error("hypervet: interrupted; nothing is kept of a bench that did not end");
    return kInterrupted;
  }
  const bool is_model = benched.is_model;
  auto results = results_of(std::move(benched), notes);
  reports::Summary summary;
  summary.exit_status = bench_status(results.paths);
  // An exact run repeats to the bit, so the time that it took here has no place in it.
  if (!bench_options.where.lab.exact) {
    summary.wall_ns = static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - started).count());
  }
  results.summary = summary;
  write_stream(results, path);
  for (const auto& request : requests) {
    const auto written = reports::write_report(*request.format, results, request.path,
                                               {request.path == "-" && terminal.colour()});
    if (!written) throw Exit{kBroken, written.error()};
  }
  if (!options.benchmark_out.empty()) {
    if (const auto written = write_google_benchmark(results.paths, options.benchmark_out); !written)
      throw Exit{kBroken, written.error()};
  }
  if (!quiet) {
    terminal.line(fmt::format("{} ({})", results.run.target, results.run.provider));
    show(terminal, results.paths);
    terminal.line(fmt::format("results: {}", path));
    for (const auto& request : requests) terminal.line(fmt::format("report:  {}", request.path));
    if (is_model) {
      terminal.line(terminal.paint(
          "This was hypervet's own reference model: no hypervisor was timed.", Colour::kDim));
    }
  }
  return summary.exit_status;
}

}  // namespace

void add_bench(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb(
      "bench", "Time hot paths, each beside the unparavirtualised way to the same end",
      [&application, options] { return execute(application, *options); });
  auto& bench = options->bench;
  verb->add_option("PATH-GLOB", bench.globs, "Paths or interfaces; * and ? are wildcards");
  add_bench_options(application, verb, bench);
  verb->add_option("--launches", options->launches,
                   "How often all of it is done anew; default 1 where instructions are counted, "
                   "else 5")
      ->check(CLI::Range(1, 1000));
  verb->add_option("--seed", bench.where.seed, "Schedule of the simulated CPUs")
      ->capture_default_str();
  verb->add_option("--results", options->results, "Stream of results; - is standard output")
      ->type_name("FILE.jsonl");
  verb->add_option("--report", options->reports, "Report of a format: " + reports::format_names())
      ->type_name("FORMAT=FILE");
  verb->add_option("--benchmark-out", options->benchmark_out,
                   "The same as Google Benchmark writes it, for its compare.py")
      ->type_name("FILE.json");
  verb->footer(
      "Exit status: 0 all paths timed or skipped, 1 a path failed (hang, crash, wrong checksum), 2 "
      "usage or spec error,\n3 hypervet or the backend broke or nothing could be timed, 6 too "
      "noisy "
      "under --strict-env, 130 interrupted.");
}

}  // namespace hypervet::cli
