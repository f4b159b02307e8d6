// SPDX-License-Identifier: Apache-2.0
// hypervet coverage: how much of each interface is checked, and which cells are empty.
#include "harness/spec/coverage.h"

#include <fmt/format.h>

#include "harness/cli/application.h"

namespace hypervet::cli {
namespace {

void show(const spec::Coverage& coverage) {
  if (coverage.clauses == 0) {
    fmt::print("{:<24} {:>3} hot paths\n", coverage.interface, coverage.paths);
    return;
  }
  fmt::print(
      "{:<24} {:>3} of {:>3} clauses with cases, {:>2} untestable, {:>4} case instances, {:>4} "
      "violations\n",
      coverage.interface, coverage.with_cases, coverage.clauses, coverage.untestable,
      coverage.instances, coverage.violations);
}

int execute(Application& application) {
  const auto specs = application.load_specs();
  const auto each = spec::coverage(specs);
  for (const auto& coverage : each) show(coverage);
  const auto all = spec::total(each);
  show(all);
  for (const auto& cell : all.empty) {
    fmt::print("{}: {} has no {}\n", spec::to_string(cell.mark), cell.clause, cell.lacks);
  }
  return all.empty.empty() ? kConformant : kFailure;
}

}  // namespace

void add_coverage(Application& application) {
  application.verb("coverage",
                   "Clauses against cases, per interface; empty cells are listed and are status 1",
                   [&application] { return execute(application); });
}

}  // namespace hypervet::cli
