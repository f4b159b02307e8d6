// SPDX-License-Identifier: Apache-2.0
// Holds what a device's answer must be anyway, beside what the step expects, against what it is.
// Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "harness/program/compiled_case.h"
#include "harness/program/observations.h"

namespace hypervet::judge {

struct Unmet {
  std::string expected;
  std::string observed;
  bool skip = false;  // not a failure: without it the case says nothing
};

// `checked` counts what was held against something. The plan has `implied`.
std::vector<Unmet> unmet(const program::StepPlan& plan, const protocol::Op& op,
                         const program::Observation& observation, std::size_t& checked);

}  // namespace hypervet::judge
