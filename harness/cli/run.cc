// SPDX-License-Identifier: Apache-2.0
// hypervet run: judges a target, writes the stream and the reports.
#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <memory>
#include <unordered_set>

#include "harness/cli/application.h"
#include "harness/cli/judging.h"
#include "harness/run/case_list.h"
#include "harness/spec/yaml.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> globs;
  std::string level = "may";
  std::string shard = "1/1";
  std::string cases;  // file of ids; "-" is standard input
  std::string resume;
  JudgingOptions judging;
};

spec::Level parse_level(const std::string& word) {
  if (word == "must") return spec::Level::kMust;
  if (word == "should") return spec::Level::kShould;
  return spec::Level::kMay;
}

std::expected<std::vector<run::Instance>, std::string> listed(const spec::Specs& specs,
                                                              const std::string& path) {
  if (path == "-") {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    return run::select_listed(specs, text, "standard input");
  }
  const auto file = spec::read_source(path);
  if (!file) return std::unexpected(spec::to_string(file.error()));
  return run::select_listed(specs, (*file)->text, path);
}

int execute(Application& application, const Options& options) {
  const auto shard = run::parse_shard(options.shard);
  if (!shard)
    throw Exit{kUsage, fmt::format("--shard takes I/N with 1 <= I <= N, not '{}'", options.shard)};
  const auto specs = application.load_specs();
  auto instances = options.cases.empty()
                       ? run::select(specs, {options.globs, parse_level(options.level), *shard})
                       : listed(specs, options.cases);
  if (!instances) throw Exit{kUsage, instances.error()};
  // What a glob names by instance has its clause in the report too; without globs every clause has.
  std::unordered_set<const spec::Clause*> selected;
  for (const auto& instance : *instances) selected.insert(instance.clause);
  std::vector<std::pair<const spec::Interface*, const spec::Clause*>> clauses;
  for (const auto& interface : specs.interfaces) {
    for (const auto& clause : interface.clauses) {
      if (selected.contains(&clause) || (options.globs.empty() && options.cases.empty() &&
                                         clause.level <= parse_level(options.level))) {
        clauses.emplace_back(&interface, &clause);
      }
    }
  }
  auto judging = options.judging;
  judging.whole_suite = options.globs.empty() && options.cases.empty() && shard->count == 1 &&
                        parse_level(options.level) == spec::Level::kMay;
  if (!options.resume.empty()) {
    judging.results = options.resume;
    judging.resume = true;
  }
  return judge_instances(application, specs, clauses, *instances, judging);
}

}  // namespace

void add_run(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb =
      application.verb("run", "Judge a target; without arguments everything, on the simulator",
                       [&application, options] { return execute(application, *options); });
  auto* globs = verb->add_option("ID-GLOB", options->globs,
                                 "Clauses, interfaces or case instances; * and ? are wildcards");
  auto* level = verb->add_option("--level", options->level,
                                 "Clauses of this level and the stronger ones: must, should, may");
  level->check(CLI::IsMember({"must", "should", "may"}))->capture_default_str();
  auto* shard = verb->add_option("--shard", options->shard, "Only the I-th of N equal parts");
  shard->type_name("I/N")->capture_default_str();
  verb->add_option("--cases", options->cases,
                   "Exactly the case instances whose ids the file lists, in its order; - is "
                   "standard input")
      ->type_name("FILE")
      ->excludes(globs)
      ->excludes(level)
      ->excludes(shard);
  verb->add_option("--resume", options->resume,
                   "Go on with an interrupted run's stream: do only what is missing")
      ->type_name("FILE.jsonl");
  add_judging_options(application, verb, options->judging);
}

}  // namespace hypervet::cli
