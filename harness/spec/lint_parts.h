// SPDX-License-Identifier: Apache-2.0
// The parts of lint, a concept each. Internal to lint*.cc; one thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/spec/clause.h"
#include "harness/spec/scope.h"
#include "harness/spec/verbs.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

// lint_case.cc: all steps of the case. What is known at its end: the names a violation may use.
Scope lint_case(const Interface& interface, const Case& a_case, Problems& problems);

// lint_forms.cc: which keys of the step go together.
void lint_forms(const Verb& verb, const Step& step, const Scope& scope, Problems& problems);

// lint_expect.cc: what stands after `expect:` of a step that observes these fields.
struct Expecting {
  const Verb& verb;
  const std::vector<std::string>& fields;
  const Scope& scope;
};
void lint_expect(const Node& expect, const Expecting& expecting, Problems& problems);

// lint_violation.cc: `scopes` holds the end of each case of the clause.
void lint_violation(const Interface& interface, const Violation& violation,
                    std::span<const Scope> scopes, Problems& problems);

// lint_path.cc: `specs` has the path that a contrast may name.
void lint_path(const Specs& specs, const Interface& interface, const Path& path,
               Problems& problems);

}  // namespace hypervet::spec
