// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/clauses_and_paths.h"

#include <set>

#include "harness/cli/application.h"
#include "harness/measure/path_selection.h"
#include "harness/run/select.h"

namespace hypervet::cli {
ClausesAndPaths find_clauses_and_paths(const spec::Specs& specs,
                                       const std::vector<std::string>& globs) {
  // A glob that names no clause may still name a path, so they are asked for one by one.
  std::vector<std::vector<std::string>> questions;
  for (const std::string& glob : globs) questions.push_back({glob});
  if (questions.empty()) questions.emplace_back();
  std::set<const spec::Clause*> clauses;
  std::set<const spec::Path*> paths;
  for (const auto& question : questions) {
    const auto some_clauses = run::select_clauses(specs, question);
    const auto some_paths = measure::select_paths(specs, question);
    if (!some_clauses && !some_paths) throw Exit{kUsage, some_clauses.error()};
    if (some_clauses) {
      for (const auto& [interface, clause] : *some_clauses) clauses.insert(clause);
    }
    if (some_paths) {
      for (const auto& instance : *some_paths) paths.insert(instance.path);
    }
  }
  ClausesAndPaths found;
  for (const auto& interface : specs.interfaces) {
    for (const auto& clause : interface.clauses) {
      if (clauses.contains(&clause)) found.clauses.emplace_back(&interface, &clause);
    }
    for (const auto& path : interface.paths) {
      if (paths.contains(&path)) found.paths.emplace_back(&interface, &path);
    }
  }
  return found;
}

}  // namespace hypervet::cli
