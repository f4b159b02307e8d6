// SPDX-License-Identifier: Apache-2.0
// hypervet list: what there is to run, an id a line.
#include <fmt/format.h>

#include <memory>

#include "harness/cli/application.h"
#include "harness/cli/clauses_and_paths.h"
#include "harness/run/select.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> globs;
  bool cases = false;
};

int execute(Application& application, const Options& options) {
  const auto specs = application.load_specs();
  if (options.cases) {
    const auto instances = run::select(specs, {options.globs, spec::Level::kMay, {}});
    if (!instances) throw Exit{kUsage, instances.error()};
    for (const auto& instance : *instances) fmt::print("{}\n", instance.id);
    return kConformant;
  }
  const auto found = find_clauses_and_paths(specs, options.globs);
  for (const auto& [interface, clause] : found.clauses) {
    fmt::print("{:<50} {:<6} {}\n", clause->id, spec::to_string(clause->level),
               clause->untestable.empty() ? clause->text : "(untestable) " + clause->text);
  }
  for (const auto& [interface, path] : found.paths) {
    fmt::print("{:<50} {:<6} {}\n", path->id, "path", path->what);
  }
  return kConformant;
}

}  // namespace

void add_list(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb(
      "list", "Clauses, with level and text, and hot paths; or every case instance",
      [&application, options] { return execute(application, *options); });
  verb->add_option("ID-GLOB", options->globs,
                   "Clauses, paths or interfaces; * and ? are wildcards");
  verb->add_flag("--cases", options->cases, "Every case instance instead, as run takes them");
}

}  // namespace hypervet::cli
