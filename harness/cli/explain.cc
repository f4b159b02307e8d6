// SPDX-License-Identifier: Apache-2.0
// hypervet explain: a clause with its cases and violations, or a hot path, as a person reads it.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "backends/violations/vocabulary.h"
#include "harness/cli/application.h"
#include "harness/cli/clauses_and_paths.h"
#include "harness/run/select.h"
#include "harness/spec/coverage.h"
#include "harness/spec/describe.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> globs;
  bool violations = false;
};

// "case", "case 'in user mode'": with its matrix, machine and steps below it.
void show_case(const spec::Case& a_case) {
  const auto points = spec::instances(a_case);
  fmt::print("\n  case{}{}\n", a_case.name.empty() ? "" : " '" + a_case.name + "'",
             points > 1 ? fmt::format(" ({} instances)", points) : "");
  for (const auto& line : spec::describe(a_case)) fmt::print("    {}\n", line);
}

void show_clause(Application& application, const spec::Interface& interface,
                 const spec::Clause& clause) {
  const auto& terminal = application.terminal();
  fmt::print("{}\n", terminal.paint(clause.id, Colour::kStrong));
  fmt::print("  {} - {}\n", spec::to_string(clause.level), clause.text);
  fmt::print("  {} ({}), {}\n", interface.source.document, interface.source.version,
             clause.section);
  fmt::print("  {}\n", spec::to_string(clause.mark));
  if (!clause.untestable.empty()) {
    fmt::print("\n  untestable: {}\n", clause.untestable);
    return;
  }
  for (const auto& a_case : clause.cases) show_case(a_case);
  fmt::print("\n  fails when\n");
  for (const auto& violation : clause.violations) {
    fmt::print("    {:<28} {}\n", violation.name, spec::describe(violation));
  }
  fmt::print("\n  to run it:   {0} run {1}\n  to prove it: {0} vet {1}\n", application.command(),
             clause.id);
}

void show_path(Application& application, const spec::Interface& interface, const spec::Path& path) {
  fmt::print("{}\n", application.terminal().paint(path.id, Colour::kStrong));
  fmt::print("  path - {}\n", path.what);
  fmt::print("  {} ({}), {}\n", interface.source.document, interface.source.version, path.section);
  fmt::print("  {}\n\n", spec::to_string(path.mark));
  for (const auto& line : spec::describe(path)) fmt::print("  {}\n", line);
  fmt::print("\n  to time it:  {} bench {}\n", application.command(), path.id);
}

void show_violation_vocabulary() {
  for (const auto& seam : violations::seams()) {
    fmt::print("at: {}\n", seam.name);
    for (const auto& key : seam.keys) {
      fmt::print("  {:<16} {:<9} {:<12} {:<40} {}\n", key.name,
                 key.role == violations::KeyRole::kCondition ? "condition" : "effect",
                 key.number ? "expression" : "", key.words, key.what);
    }
  }
}

int execute(Application& application, const Options& options) {
  if (options.violations) {
    show_violation_vocabulary();
    return kConformant;
  }
  if (options.globs.empty())
    throw Exit{kUsage, "explain needs the id of a clause; `list` shows them"};
  const auto specs = application.load_specs();
  const auto found = find_clauses_and_paths(specs, options.globs);
  bool first = true;
  const auto divide = [&first] {
    if (!std::exchange(first, false)) fmt::print("\n");
  };
  for (const auto& [interface, clause] : found.clauses) {
    divide();
    show_clause(application, *interface, *clause);
  }
  for (const auto& [interface, path] : found.paths) {
    divide();
    show_path(application, *interface, *path);
  }
  return kConformant;
}

}  // namespace

void add_explain(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb(
      "explain", "A clause with its cases and violations, or a path, as a person reads it",
      [&application, options] { return execute(application, *options); });
  verb->add_option("ID-GLOB", options->globs,
                   "Clauses, paths or interfaces; * and ? are wildcards");
  verb->add_flag("--violations", options->violations,
                 "The seams and keys that a violation may name");
}

}  // namespace hypervet::cli
