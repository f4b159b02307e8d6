// SPDX-License-Identifier: Apache-2.0
// The machine that a case asks for, in a backend's terms. Pure; throws Failure.
#pragma once

#include "backends/backend.h"
#include "harness/spec/clause.h"

namespace hypervet::program {

backends::Configuration configuration_of(const spec::Specs& specs, const spec::Case& a_case,
                                         const spec::Binding& binding);

}  // namespace hypervet::program
