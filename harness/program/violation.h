// SPDX-License-Identifier: Apache-2.0
// Binds a declared violation to numbers for one instance of a case. Pure, any thread.
#pragma once

#include <expected>
#include <optional>

#include "backends/violations/rule.h"
#include "harness/program/compiled_case.h"
#include "harness/spec/clause.h"

namespace hypervet::program {

// The rule that the simulator commits in this instance. nullopt: it uses a name that this case does
// not have, so it is not committed here. A diagnostic: unknown seam or key, a word that the key
// does not take, a bad expression, no effect. Names are constants, parameters and allocated
// addresses; what steps observe is not known before the run.
std::expected<std::optional<violations::Rule>, spec::Diagnostic> bind(
    const spec::Violation& violation, const spec::Interface& an_interface,
    const CompiledCase& compiled);

}  // namespace hypervet::program
