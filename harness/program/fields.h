// SPDX-License-Identifier: Apache-2.0
// The names of what each kind of step observes, and how to read them from an observation. Pure, any
// thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/program/compiled_case.h"
#include "harness/program/observations.h"
#include "harness/spec/expression.h"

namespace hypervet::program {

// Names that `expect:` and `name.field` may use for this step; "" is not among them.
std::vector<std::string> field_names(const StepPlan& plan, const protocol::Op& op);
bool has_field(const StepPlan& plan, const protocol::Op& op, std::string_view field);

// The plan among `plan` and its others that has the field; nullptr: none.
const StepPlan* holder(std::span<const StepPlan> plans, std::span<const protocol::Op> ops,
                       const StepPlan& plan, std::string_view field);

// The field that the step's bare name stands for ("value", "rax", "total"); "" if a bare name means
// nothing there.
std::string_view primary_field(const StepPlan& plan, const protocol::Op& op);

// `fault` is the vector, protocol::kNoFault for none; `rip` the instruction's own address; `cr2`
// and `error-code` exist after a fault. nullopt: the observation does not hold it (the op faulted,
// or the agent's answer is too short).
std::optional<spec::Number> read_field(const StepPlan& plan, const protocol::Op& op,
                                       const Observation& observation, std::string_view field);

// The same by the op's own names, whatever the plan shows.
std::optional<spec::Number> read_raw(const StepPlan& plan, const protocol::Op& op,
                                     const Observation& observation, std::string_view field);

// Registers that an instruction op may change beyond RIP, as bits in the order of the encoding (bit
// 0 RAX .. bit 15 R15).
unsigned result_registers(protocol::OpCode code);
// Does the op leave a value that an input of a later op can be (Op::result_slot)?
bool has_slot(protocol::OpCode code);
bool is_instruction(protocol::OpCode code);
// Does the op wait for something, and observe `reached`?
bool waits(protocol::OpCode code);

}  // namespace hypervet::program
