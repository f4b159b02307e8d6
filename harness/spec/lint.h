// SPDX-License-Identifier: Apache-2.0
// Checks specs that were loaded for everything that can be known without running them: verbs, their
// keys and types, every name in every expression, expectations, violations, and that each clause
// has what it must have. Thread-safe.
#pragma once

#include "harness/spec/clause.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

// Problems in the order of the files; none: the specs are fit to run.
Diagnostics lint(const Specs& specs);

}  // namespace hypervet::spec
