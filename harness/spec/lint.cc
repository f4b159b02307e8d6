// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/lint.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "harness/spec/lint_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

void lint_features(const Interface& interface, const Specs& specs, Problems& problems) {
  for (const FeatureUse& use : interface.feature_uses) {
    const auto found = specs.features.find(use.name);
    if (found == specs.features.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, feature] : specs.features) known.push_back(name);
      problems.add(use.mark, fmt::format("unknown feature {}{}", quote(use.name),
                                         did_you_mean(use.name, known)));
    } else if (use.withheld && found->second.signature) {
      problems.add(use.mark, fmt::format("{} is told by a signature and cannot be withheld",
                                         quote(use.name)));
    } else if (use.withheld && found->second.virtio) {
      problems.add(use.mark, fmt::format("{} is a device's: a driver need not accept it, but "
                                         "cannot withhold it",
                                         quote(use.name)));
    }
  }
}

// Constants belong to their interface, but a name that has two values in two files misleads whoever
// reads both, or is a slip.
class ConstantLint {
 public:
  void check(const Interface& interface, Problems& problems) {
    for (const auto& [name, value] : interface.constants) {
      const Mark& mark = interface.constant_marks.at(name);
      const auto [first, fresh] = first_.emplace(name, First{value, mark});
      if (fresh || first->second.value == value) continue;
      problems.add(mark,
                   fmt::format("the constant {} is {} in {}", quote(name),
                               format_number(first->second.value), to_string(first->second.mark)));
    }
  }

 private:
  struct First {
    std::uint64_t value = 0;
    Mark mark;
  };
  std::map<std::string, First> first_;
};

// Every clause is either checked, by a check that can fail, or says why it cannot be.
void lint_completeness(const Clause& clause, Problems& problems) {
  const bool testable = clause.untestable.empty();
  if (testable && clause.cases.empty()) {
    problems.add(clause.mark, fmt::format("{} has neither cases nor 'untestable:'", clause.id));
  }
  if (!testable && !clause.cases.empty()) {
    problems.add(clause.mark, fmt::format("{} has cases and 'untestable:'", clause.id));
  }
  if (!testable && !clause.violations.empty()) {
    problems.add(clause.violations.front().mark,
                 fmt::format("{} is untestable but has violations", clause.id));
  }
  if (!clause.cases.empty() && clause.violations.empty()) {
    problems.add(
        clause.mark,
        fmt::format("{} has no violations: nothing shows that its cases can fail", clause.id));
  }
}

// A device's feature can only be asked of a device.
void lint_device_features(const Case& a_case, const Specs& specs, Problems& problems) {
  if (a_case.on_device) return;
  for (const std::string& name : a_case.requires_) {
    const auto found = specs.features.find(name);
    if (found == specs.features.end() || !found->second.virtio) continue;
    problems.add(a_case.mark,
                 fmt::format("the case requires {} of a device and has no 'on:'", quote(name)));
  }
}

void lint_clause(const Interface& interface, const Clause& clause, const Specs& specs,
                 Problems& problems) {
  lint_completeness(clause, problems);
  std::vector<Scope> scopes;
  scopes.reserve(clause.cases.size());
  for (const Case& a_case : clause.cases) {
    lint_device_features(a_case, specs, problems);
    scopes.push_back(lint_case(interface, a_case, problems));
  }
  for (const Violation& violation : clause.violations)
    lint_violation(interface, violation, scopes, problems);
}

}  // namespace

Diagnostics lint(const Specs& specs) {
  Problems problems;
  ConstantLint constants;
  for (const Interface& interface : specs.interfaces) {
    constants.check(interface, problems);
    lint_features(interface, specs, problems);
    for (const Clause& clause : interface.clauses) lint_clause(interface, clause, specs, problems);
    for (const Path& path : interface.paths) lint_path(specs, interface, path, problems);
  }
  return problems.take();
}

}  // namespace hypervet::spec
