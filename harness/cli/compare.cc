// SPDX-License-Identifier: Apache-2.0
// hypervet compare: the timed paths of two stored runs against each other. Needs neither specs nor
// a backend.
#include "harness/measure/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "harness/cli/application.h"
#include "harness/cli/comparison_conclusion.h"
#include "harness/run/select.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::string a;
  std::string b;
  std::vector<std::string> globs;
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

int execute(Application& application, const Options& options) {
  check_reports(options.comparison);
  if (options.a == "-" && options.b == "-")
    throw Exit{kUsage, "only one of the two streams can be standard input"};
  measure::Build a = read(options.a);
  measure::Build b = read(options.b);
  keep_matching(options.globs, a, b);
  const auto comparison = measure::compare(a, b, std::nullopt, statistics_of(options.comparison));
  return conclude(application, options.comparison, comparison);
}

}  // namespace

void add_compare(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb =
      application.verb("compare", "Judge timed paths: has a build made one slower than before?",
                       [&application, options] { return execute(application, *options); });
  verb->add_option("A", options->a, "Stream of the older build; - is standard input")->required();
  verb->add_option("B", options->b, "Stream of the newer build; - is standard input")->required();
  verb->add_option("--path", options->globs, "Only these paths, of either run")->type_name("GLOB");
  add_comparison_options(verb, options->comparison);
  verb->footer(kComparisonStatuses);
}

}  // namespace hypervet::cli
