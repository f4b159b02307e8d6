// SPDX-License-Identifier: Apache-2.0
// hypervet compare: the timed paths of two builds against each other. Of two stored runs, which
// needs neither specs nor a backend; or of two ways to launch, which are launched in turn.
#include "harness/measure/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "harness/cli/application.h"
#include "harness/cli/compare_launches.h"
#include "harness/cli/comparison_conclusion.h"
#include "harness/run/select.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::string a;
  std::string b;
  bool launches = false;   // A and B are ways to launch
  LaunchedOptions launch;  // the globs also choose from stored runs
  ComparisonOptions comparison;
};

// A run that was cut short is no build to judge by: which launches are missing is not known.
measure::Build read(const std::string& file) {
  auto read = reports::read_results_file(file);
  if (!read) throw Exit{kUsage, reports::to_string(read.error())};
  reports::Results& results = read->results;
  if (!results.complete())
    throw Exit{kUsage,
               fmt::format("{}: the run was cut short: {}", file,
                           results.truncated ? "its last line is not whole" : "it has no summary")};
  if (results.paths.empty())
    throw Exit{kUsage,
               fmt::format("{}: no path was timed in this run (hypervet bench does)", file)};
  return {file, std::move(results.run), std::move(results.paths)};
}

void keep_matching(const std::vector<std::string>& globs, measure::Build& a, measure::Build& b) {
  for (const std::string& glob : globs) {
    const auto matches = [&](const reports::Path& path) { return run::matches(glob, path.id); };
    if (std::ranges::none_of(a.paths, matches) && std::ranges::none_of(b.paths, matches))
      throw Exit{kUsage, fmt::format("no path of either run matches '{}'", glob)};
  }
  const auto unwanted = [&](const reports::Path& path) {
    return std::ranges::none_of(
        globs, [&](const std::string& glob) { return run::matches(glob, path.id); });
  };
  if (globs.empty()) return;
  std::erase_if(a.paths, unwanted);
  std::erase_if(b.paths, unwanted);
}

int compare_stored(Application& application, const Options& options) {
  if (options.a == "-" && options.b == "-")
    throw Exit{kUsage, "only one of the two streams can be standard input"};
  measure::Build a = read(options.a);
  measure::Build b = read(options.b);
  keep_matching(options.launch.bench.globs, a, b);
  const auto comparison = measure::compare(a, b, std::nullopt, statistics_of(options.comparison));
  return conclude(application, options.comparison, comparison);
}

int compare_launched(Application& application, const Options& options) {
  auto launch = options.launch;
  launch.bench.where.seed = options.comparison.seed;
  const auto launched = launch_both(application, launch, options.a, options.b);
  if (launched.interrupted) {
    application.terminal().error(fmt::format(
        "hypervet: interrupted; {}",
        launched.streams.empty()
            ? "nothing was timed yet"
            : fmt::format("what was timed is kept in {}", fmt::join(launched.streams, ", "))));
    return kInterrupted;
  }
  auto statistics = statistics_of(options.comparison);
  statistics.in_turn = true;
  const auto comparison =
      measure::compare(launched.a, launched.b, launched.against_itself, statistics);
  return conclude(application, options.comparison, comparison, launched.streams);
}

// Options of launching mean nothing for stored runs.
void refuse_launching(const std::vector<CLI::Option*>& options) {
  for (const CLI::Option* option : options) {
    if (option->count() == 0) continue;
    throw Exit{kUsage, fmt::format("{} is of builds that are launched: with --lab or --backend",
                                   option->get_name())};
  }
}

}  // namespace

void add_compare(Application& application) {
  auto options = std::make_shared<Options>();
  auto launching = std::make_shared<std::vector<CLI::Option*>>();
  auto* verb =
      application.verb("compare", "Judge timed paths of two builds: has one of them become slower?",
                       [&application, options, launching] {
                         check_reports(options->comparison);
                         if (options->launches) return compare_launched(application, *options);
                         refuse_launching(*launching);
                         return compare_stored(application, *options);
                       });
  verb->add_option("A", options->a,
                   "The older build: a stream of bench (- is standard input); with --lab a kernel, "
                   "as behind --lab NAME: (6.1, a glob of packages, a file); with --backend "
                   "options of it, such as irqchip=split or 'cost=hypercall=1000'")
      ->required();
  verb->add_option("B", options->b, "The newer build, likewise")->required();
  verb->add_option("PATH-GLOB", options->launch.bench.globs,
                   "Only these paths or interfaces; * and ? are wildcards");
  add_comparison_options(verb, options->comparison);
  const auto others = verb->get_options().size();
  add_bench_options(application, verb, options->launch.bench);
  verb->add_option("--launches", options->launch.launches,
                   "Of each side, in turn; default 1 where instructions are counted, else 15, "
                   "which is the least")
      ->check(CLI::Range(1, 1000));
  verb->add_option("--results", options->launch.folder, "Where the streams of both sides are kept")
      ->capture_default_str()
      ->type_name("FOLDER");
  const auto all = verb->get_options();
  for (std::size_t i = others; i < all.size(); ++i) {
    all[i]->group("Launching A and B in turn (with --lab or --backend)");
    const auto name = all[i]->get_name();
    if (name != "--lab" && name != "--backend") launching->push_back(all[i]);
  }
  verb->parse_complete_callback(
      [verb, options] { options->launches = verb->count("--lab") + verb->count("--backend") > 0; });
  verb->footer(std::string(kComparisonStatuses) +
               "\n\n"
               "  hypervet compare old.jsonl new.jsonl                        two runs of bench\n"
               "  hypervet compare --lab kvm-amd --exact 6.1 6.12             two kernels, to the "
               "instruction\n"
               "  hypervet compare --backend kvm irqchip=kernel irqchip=split 'kvm.path.irqfd'");
}

}  // namespace hypervet::cli
