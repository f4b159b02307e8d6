// SPDX-License-Identifier: Apache-2.0
// hypervet list: what there is to run, an id a line.
#include <fmt/format.h>

#include <memory>

#include "harness/cli/application.h"
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
  const auto clauses = run::select_clauses(specs, options.globs);
  if (!clauses) throw Exit{kUsage, clauses.error()};
  for (const auto& [interface, clause] : *clauses) {
    fmt::print("{:<50} {:<6} {}\n", clause->id, spec::to_string(clause->level),
               clause->untestable.empty() ? clause->text : "(untestable) " + clause->text);
  }
  return kConformant;
}

}  // namespace

void add_list(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb("list", "Clauses, with level and text; or every case instance",
                                [&application, options] { return execute(application, *options); });
  verb->add_option("ID-GLOB", options->globs, "Clauses or interfaces; * and ? are wildcards");
  verb->add_flag("--cases", options->cases, "Every case instance instead, as run takes them");
}

}  // namespace hypervet::cli
