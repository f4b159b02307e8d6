// SPDX-License-Identifier: Apache-2.0
// hypervet rerun: once more what did not pass in a stored stream.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "harness/cli/application.h"
#include "harness/cli/judging.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::string results;
  JudgingOptions judging;
};

int execute(Application& application, CLI::App& verb, const Options& options) {
  const auto read = reports::read_results_file(options.results);
  if (!read) throw Exit{kUsage, reports::to_string(read.error())};
  std::set<std::string> wanted;
  for (const auto& record : read->results.cases) {
    if (reports::is_failure(record.verdict) || record.verdict == reports::Verdict::kError)
      wanted.insert(record.id);
  }
  if (wanted.empty()) {
    application.terminal().line(fmt::format("{}: nothing failed", options.results));
    return kConformant;
  }
  auto judging = options.judging;
  auto& where = judging.where;
  if (verb.count("--backend") == 0 && verb.count("--lab") == 0) {
    where.backend.name = read->results.run.backend;
    where.lab.lab = read->results.run.lab;
  }
  if (verb.count("--seed") == 0) where.seed = read->results.run.seed;
  if (judging.results.empty())
    judging.results = fmt::format("hypervet-results/{}-rerun.jsonl",
                                  where.lab ? where.lab.name() : where.backend.stem());
  if (judging.results == options.results) {
    throw Exit{kUsage,
               fmt::format("--results {} would overwrite the results to rerun", judging.results)};
  }

  const auto specs = application.load_specs();
  auto instances = run::select(specs, {});
  if (!instances) throw Exit{kUsage, instances.error()};
  std::erase_if(*instances, [&](const auto& instance) { return !wanted.contains(instance.id); });
  if (instances->size() < wanted.size()) {
    application.terminal().error(
        fmt::format("hypervet: {} of the {} cases are no longer in the specs",
                    wanted.size() - instances->size(), wanted.size()));
    if (instances->empty()) return kUsage;
  }
  std::vector<std::pair<const spec::Interface*, const spec::Clause*>> clauses;
  for (const auto& instance : *instances) {
    if (clauses.empty() || clauses.back().second != instance.clause) {
      clauses.emplace_back(instance.interface, instance.clause);
    }
  }
  return judge_instances(application, specs, clauses, std::move(*instances), judging);
}

}  // namespace

void add_rerun(Application& application) {
  auto options = std::make_shared<Options>();
  auto holder = std::make_shared<CLI::App*>(nullptr);
  auto* verb = application.verb(
      "rerun", "Judge again what did not pass in stored results",
      [&application, options, holder] { return execute(application, **holder, *options); });
  *holder = verb;
  verb->add_option("RESULTS", options->results, "Stream of the earlier run")->required();
  add_judging_options(application, verb, options->judging);
}

}  // namespace hypervet::cli
