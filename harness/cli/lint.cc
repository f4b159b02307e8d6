// SPDX-License-Identifier: Apache-2.0
// hypervet lint: checks spec files without running anything.
#include "harness/spec/lint.h"

#include <fmt/format.h>

#include <memory>
#include <set>

#include "harness/cli/application.h"
#include "harness/program/compile.h"
#include "harness/program/violation.h"
#include "harness/run/select.h"
#include "harness/spec/load.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> files;
};

// What only the compiler finds. One problem of a case shows once, not once per point of its matrix.
spec::Diagnostics compile_all(const spec::Specs& specs) {
  spec::Diagnostics diagnostics;
  std::set<std::string> seen;
  const auto report = [&](const spec::Diagnostic& diagnostic) {
    if (seen.insert(spec::to_string(diagnostic)).second) diagnostics.push_back(diagnostic);
  };
  const auto instances = run::select(specs, {});
  for (const auto& instance : *instances) {
    const auto compiled = program::compile(specs, *instance.interface, *instance.clause,
                                           *instance.the_case, instance.binding);
    if (!compiled) {
      report(compiled.error());
      continue;
    }
    for (const auto& violation : instance.clause->violations) {
      if (const auto rule = program::bind(violation, *instance.interface, *compiled); !rule)
        report(rule.error());
    }
  }
  return diagnostics;
}

int execute(Application& application, const Options& options) {
  std::vector<std::filesystem::path> paths(options.files.begin(), options.files.end());
  if (paths.empty()) paths.push_back(application.own_specs());
  const auto specs = spec::load(paths);
  auto diagnostics = specs ? spec::lint(*specs) : specs.error();
  if (specs && diagnostics.empty()) diagnostics = compile_all(*specs);
  for (const auto& diagnostic : diagnostics)
    application.terminal().error(spec::to_string(diagnostic));
  if (!diagnostics.empty()) {
    application.terminal().error(
        fmt::format("{} problem{}", diagnostics.size(), diagnostics.size() == 1 ? "" : "s"));
    return kUsage;
  }
  return kConformant;
}

}  // namespace

void add_lint(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb =
      application.verb("lint", "Check spec files without running anything; silent when all is well",
                       [&application, options] { return execute(application, *options); });
  verb->add_option("FILE", options->files, "Files or folders; default the suite's own specs");
}

}  // namespace hypervet::cli
