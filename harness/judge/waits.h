// SPDX-License-Identifier: Apache-2.0
// What an op that waits (program::waits()) waits for and how far that came, in words. Pure, any
// thread.
#pragma once

#include <string>

#include "harness/program/compiled_case.h"
#include "harness/program/observations.h"

namespace hypervet::judge {

// "cpu 1 finishes its block within 100 ms".
std::string awaited(const program::StepPlan& plan, const protocol::Op& op);
// "not reached in 100000 ns, last value 0"; "value 1" where it was asked for once.
std::string not_reached(const program::StepPlan& plan, const protocol::Op& op,
                        const program::Observation& observation);

}  // namespace hypervet::judge
