// SPDX-License-Identifier: Apache-2.0
// hypervet bench: times hot paths, writes the stream and the reports.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "harness/cli/application.h"
#include "harness/cli/bench_launches.h"
#include "harness/cli/conclusion.h"
#include "harness/cli/google_benchmark.h"
#include "harness/measure/paths.h"
#include "harness/measure/preflight.h"
#include "reports/stream/writer.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kNoisy = 6;
// Statistics need launches; where instructions are counted every launch is like the first.
constexpr std::size_t kUsualLaunches = 5;
// An emulator that counts takes its time, and what it counts hardly varies.
constexpr std::uint64_t kUsualSamples = 1000, kExactSamples = 50;

struct Options {
  BenchOptions bench;
  std::size_t launches = 0;  // 0: as many as the place needs, as for the samples
  std::uint64_t samples = 0;
  bool strict_environment = false;
  bool no_preflight = false;
  std::string results;
  std::vector<std::string> reports;
  std::string benchmark_out;
};

bool counted(const BenchOptions& options) {
  return options.where.lab ? options.where.lab.exact : options.where.backend.name == "sim";
}

std::string stream_path(const Options& options) {
  if (!options.results.empty()) return options.results;
  const auto& where = options.bench.where;
  return fmt::format("hypervet-results/bench-{}.jsonl",
                     where.lab ? where.lab.name() : where.backend.name);
}

// What may spoil times; where instructions are counted nothing does.
std::string look_around(Application& application, const Options& options) {
  if (counted(options.bench) || options.no_preflight) return {};
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

reports::Results results_of(Benched benched, const std::string& notes) {
  reports::Results results;
  results.run = std::move(benched.run);
  if (!notes.empty())
    results.run.notes += fmt::format("{}{}", results.run.notes.empty() ? "" : "\n", notes);
  results.paths = std::move(benched.paths);
  results.logs = std::move(benched.logs);
  return results;
}

int status_of(const std::vector<reports::Path>& paths) {
  const auto failed = [](const auto& path) { return path.reason.contains("failed: "); };
  if (std::ranges::any_of(paths, failed)) return kFailure;
  return std::ranges::any_of(paths, &reports::Path::measured) ? kConformant : kBroken;
}

void write_stream(const reports::Results& results, const std::string& path) {
  if (const auto folder = fs::path(path).parent_path(); !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Exit{kBroken, fmt::format("{}: {}", folder.string(), error.message())};
  }
  auto writer = reports::StreamWriter::create(path);
  if (!writer) throw Exit{kBroken, writer.error()};
  const auto write = [&](const reports::Record& record) {
    if (auto written = writer->write(record); !written) throw Exit{kBroken, written.error()};
  };
  write(results.run);
  for (const auto& timed : results.paths) write(timed);
  for (const auto& log : results.logs) write(log);
  write(*results.summary);
  if (auto closed = writer->close(); !closed) throw Exit{kBroken, closed.error()};
}

int execute(Application& application, const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  auto bench_options = options.bench;
  bench_options.launches = options.launches != 0    ? options.launches
                           : counted(bench_options) ? 1
                                                    : kUsualLaunches;
  const bool exact = bench_options.where.lab && bench_options.where.lab.exact;
  bench_options.sampling.samples =
      options.samples != 0 ? options.samples : (exact ? kExactSamples : kUsualSamples);
  const auto path = stream_path(options);
  auto requests = parse_reports(options.reports);
  if (options.reports.empty() && options.results.empty())
    requests.push_back(
        {reports::find_format("html"), fs::path(path).replace_extension(".html").string()});
  const auto specs = application.load_specs();
  const auto notes = look_around(application, options);
  auto& terminal = application.terminal();
  const bool quiet = path == "-";
  auto benched = bench(application, specs, bench_options, [&](std::string_view what) {
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
  measure::complete(results.paths);
  reports::Summary summary;
  summary.exit_status = status_of(results.paths);
  // An exact run repeats to the bit, so the time that it took here has no place in it.
  if (!exact) {
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
  auto& where = bench.where;
  verb->add_option("PATH-GLOB", bench.globs, "Paths or interfaces; * and ? are wildcards");
  application.add_backend_options(verb, where.backend);
  add_lab_options(verb, where.lab);
  verb->get_option("--backend")->excludes("--lab");
  verb->add_option("--samples", options->samples,
                   "Batches timed for each path and launch; default 1000, in an exact lab 50")
      ->check(CLI::Range(1, 100000));
  verb->add_option("--warmup", bench.sampling.warmup, "Batches thrown away before")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  verb->add_option("--lives", bench.sampling.lives,
                   "Machines made and destroyed for a machine's life")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  verb->add_option("--launches", options->launches,
                   "How often all of it is done anew; default 1 where instructions are counted, "
                   "else 5")
      ->check(CLI::Range(1, 1000));
  verb->add_option("--seed", where.seed, "Schedule of the simulated CPUs")->capture_default_str();
  verb->add_option("--timeout", where.timeout, "Seconds for one path")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  verb->add_flag("--strict-env", options->strict_environment,
                 "Refuse a machine that is not fit to time things on (status 6)");
  verb->add_flag("--no-preflight", options->no_preflight,
                 "Do not look whether this machine is fit to time things on");
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
