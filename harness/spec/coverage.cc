// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/coverage.h"

#include <iterator>

namespace hypervet::spec {
namespace {

void count(const Clause& clause, Coverage& into) {
  ++into.clauses;
  if (!clause.untestable.empty()) ++into.untestable;
  if (!clause.cases.empty()) ++into.with_cases;
  into.cases += clause.cases.size();
  into.violations += clause.violations.size();
  for (const Case& a_case : clause.cases) into.instances += instances(a_case);
  if (!clause.untestable.empty()) return;
  if (clause.cases.empty()) {
    into.empty.push_back({clause.id, "cases", clause.mark});
  } else if (clause.violations.empty()) {
    into.empty.push_back({clause.id, "violations", clause.mark});
  }
}

}  // namespace

std::size_t instances(const Case& a_case) {
  std::size_t points = 1;
  for (const auto& [name, values] : a_case.parameters) points *= values.size();
  return points;
}

std::vector<Coverage> coverage(const Specs& specs) {
  std::vector<Coverage> all;
  for (const Interface& interface : specs.interfaces) {
    Coverage& one = all.emplace_back();
    one.interface = interface.id;
    one.title = interface.title;
    one.paths = interface.paths.size();
    for (const Clause& clause : interface.clauses) count(clause, one);
  }
  return all;
}

Coverage total(const std::vector<Coverage>& each) {
  Coverage sum;
  sum.interface = "all";
  for (const Coverage& one : each) {
    sum.clauses += one.clauses;
    sum.paths += one.paths;
    sum.untestable += one.untestable;
    sum.with_cases += one.with_cases;
    sum.cases += one.cases;
    sum.instances += one.instances;
    sum.violations += one.violations;
    sum.empty.insert(sum.empty.end(), one.empty.begin(), one.empty.end());
  }
  return sum;
}

}  // namespace hypervet::spec
