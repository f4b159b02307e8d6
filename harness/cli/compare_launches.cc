// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/compare_launches.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "harness/cli/bench_stream.h"
#include "harness/cli/launcher.h"
#include "harness/measure/schedule.h"

namespace hypervet::cli {
namespace {

constexpr std::size_t kFewestMeasured = 15;  // launches a side

// One of the two ways to launch, and what its launches gave.
struct Side {
  std::string name;    // as the user gave it
  std::string letter;  // "A", "B", and of A against itself "first A" and "second A"
  std::string file;    // of its stream
  std::shared_ptr<Launcher> launcher;
  Benched benched;
};

// "irqchip=split cost=hypercall=1000": the options of a backend, by their names without dashes.
BackendChoice choice_of(const Application& application, const BackendChoice& common,
                        const std::string& words) {
  BackendChoice choice = common;
  CLI::App parser;
  parser.set_help_flag();
  application.add_backend_options(&parser, choice);
  parser.remove_option(parser.get_option("--backend"));
  std::vector<std::string> arguments;
  std::istringstream text(words);
  for (std::string word; text >> word;) arguments.push_back("--" + word);
  std::ranges::reverse(arguments);
  try {
    parser.parse(arguments);
  } catch (const CLI::ParseError& error) {
    std::vector<std::string> names;
    for (const auto* option : parser.get_options()) names.push_back(option->get_single_name());
    throw Exit{kUsage, fmt::format("'{}' is no set of options for backend {}: {} (there are {}; "
                                   "such as irqchip=split)",
                                   words, common.name, error.what(), fmt::join(names, ", "))};
  }
  return choice;
}

std::shared_ptr<Launcher> launcher_of(Application& application, const spec::Specs& specs,
                                      BenchOptions bench, const std::string& name) {
  auto& where = bench.where;
  if (where.lab) {
    if (name.empty()) throw Exit{kUsage, "A and B are kernels in a lab, such as 6.1 and 6.12"};
    where.lab.lab += ":" + name;
  } else {
    where.backend = choice_of(application, where.backend, name);
  }
  return make_launcher(application, specs, bench);
}

class Comparison {
 public:
  Comparison(Application& application, const LaunchedOptions& options, std::string notes)
      : application_(application), folder_(options.folder), notes_(std::move(notes)) {
    const auto& where = options.bench.where;
    place_ = where.lab ? where.lab.name() : where.backend.name;
  }

  Side side(std::string name, std::string letter, const std::string& suffix,
            std::shared_ptr<Launcher> launcher) const {
    return {std::move(name),
            std::move(letter),
            fmt::format("{}/compare-{}-{}.jsonl", folder_, place_, suffix),
            std::move(launcher),
            {}};
  }

  // One launch of each side that counts for nothing: it makes snapshots and warms caches, and what
  // cannot be launched is told at once. A path without figures in it never gets any.
  bool warm_up(const std::vector<Side*>& sides) {
    for (Side* side : sides) {
      if (!launch(*side, fmt::format("warm-up of {}", side->letter))) return false;
      for (auto& path : side->benched.paths) path.launches.clear();
      side->benched.logs.clear();
      side->benched.launches = 0;
    }
    return true;
  }

  // False: interrupted.
  bool in_turn(Side& a, Side& b, std::size_t launches_a_side, const std::string& what) {
    const auto turns = measure::plan(launches_a_side);
    for (std::size_t i = 0; i < turns.size(); ++i) {
      Side& side = turns[i] == measure::Turn::kA ? a : b;
      if (!launch(side,
                  fmt::format("{}launch {} of {}, {}", what, i + 1, turns.size(), side.letter)))
        return false;
    }
    return true;
  }

  // Those that were launched. `whole`: all launches that were planned are there.
  reports::Results keep(const Side& side, bool whole) {
    auto results = results_of(side.benched, notes_);
    if (whole) {
      reports::Summary summary;
      summary.exit_status = bench_status(results.paths);
      results.summary = summary;
    }
    write_stream(results, side.file);
    kept_.push_back(side.file);
    return results;
  }

  const std::vector<std::string>& kept() const { return kept_; }

 private:
  bool launch(Side& side, const std::string& what) {
    try {
      side.launcher->launch(1, side.benched, [&](std::string_view path) {
        application_.terminal().progress(fmt::format("{}: {}", what, path));
      });
    } catch (const Exit& exit) {
      throw Exit{exit.status, fmt::format("{} ('{}'): {}", what, side.name, exit.message)};
    }
    return !side.benched.interrupted;
  }

  Application& application_;
  std::string folder_;
  std::string place_;
  std::string notes_;
  std::vector<std::string> kept_;
};

}  // namespace

Launched launch_both(Application& application, const LaunchedOptions& options, const std::string& a,
                     const std::string& b) {
  const bool counted = counts_instructions(options.bench.where);
  const std::size_t launches = options.launches != 0 ? options.launches
                               : counted             ? 1
                                                     : kFewestMeasured;
  if (!counted && launches < kFewestMeasured) {
    throw Exit{kUsage, fmt::format("where times are measured, at least {} launches a side are "
                                   "needed, not {}",
                                   kFewestMeasured, launches)};
  }
  auto bench = options.bench;
  settle(bench, launches);
  const auto specs = application.load_specs();
  auto launcher_a = launcher_of(application, specs, bench, a);
  auto launcher_b = launcher_of(application, specs, bench, b);
  Comparison comparison(application, options, look_around(application, bench));
  Side first = comparison.side(a, "A", "a", std::move(launcher_a));
  Side second = comparison.side(b, "B", "b", std::move(launcher_b));
  Side again = comparison.side(a, "first A against itself", "aa-1", first.launcher);
  Side twin = comparison.side(a, "second A against itself", "aa-2", first.launcher);
  std::vector<Side*> sides = {&first, &second};
  if (!counted) sides = {&again, &twin, &first, &second};
  Launched launched;
  const auto keep_what_there_is = [&] {
    for (Side* side : sides) {
      if (side->benched.launches > 0) comparison.keep(*side, false);
    }
  };
  const auto all = [&] {
    if (counted) return comparison.in_turn(first, second, launches, "");
    if (!comparison.warm_up({&first, &second})) return false;
    again.benched = twin.benched = first.benched;
    return comparison.in_turn(again, twin, launches, "A/A ") &&
           comparison.in_turn(first, second, launches, "A/B ");
  };
  try {
    launched.interrupted = !all();
  } catch (const Exit& exit) {
    keep_what_there_is();
    if (comparison.kept().empty()) throw;
    throw Exit{exit.status, fmt::format("{}\nwhat was timed before is kept in {}", exit.message,
                                        fmt::join(comparison.kept(), ", "))};
  }
  if (launched.interrupted) keep_what_there_is();
  if (launched.interrupted) {
    launched.streams = comparison.kept();
    return launched;
  }
  const auto build = [&](const Side& side) {
    auto results = comparison.keep(side, true);
    return measure::Build{side.name, std::move(results.run), std::move(results.paths)};
  };
  if (!counted) {
    auto one = build(again), other = build(twin);
    launched.against_itself = measure::AgainstItself{std::move(one.paths), std::move(other.paths)};
  }
  launched.a = build(first);
  launched.b = build(second);
  launched.streams = comparison.kept();
  return launched;
}

}  // namespace hypervet::cli
