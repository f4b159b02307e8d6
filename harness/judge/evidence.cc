// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/program/disassemble.h"
#include "harness/program/fields.h"
#include "harness/program/names.h"

namespace hypervet::judge {
namespace {

using program::CompiledCase;
using program::Observation;
using program::StepPlan;
using protocol::FrameKind;
using protocol::Op;
using protocol::OpCode;

bool is_answer(FrameKind kind) {
  return kind == FrameKind::kDone || kind == FrameKind::kExecuted || kind == FrameKind::kValues ||
         kind == FrameKind::kBytes;
}

// Number of values that the op answers with; nullopt: its answer is no list of values.
std::optional<std::size_t> value_count(const CompiledCase& compiled, const StepPlan& plan,
                                       const Op& op) {
  switch (op.code) {
    case OpCode::kHalt:
    case OpCode::kSettle:
    case OpCode::kAwaitMemory:
    case OpCode::kAwaitInterrupts:
      return 3;
    case OpCode::kJoin:
    case OpCode::kHost:
      return 2;
    case OpCode::kApicRead:
      return 1;
    case OpCode::kVirtioInterrupts:
    case OpCode::kVirtioRead:
    case OpCode::kVirtioWrite:
    case OpCode::kRegionRead:
    case OpCode::kRegionWrite:
    case OpCode::kVirtioNotify:
      return 2;
    case OpCode::kVirtioAwait:
      return 3;
    case OpCode::kVirtioFind:
    case OpCode::kVirtioCapability:
      return 8;
    case OpCode::kCounts:
      return compiled.configuration.cpus;
    case OpCode::kScenario:
      return program::field_names(plan, op).size();
    default:
      return std::nullopt;
  }
}

// Is this what the op answers with?
bool answers(const CompiledCase& compiled, const StepPlan& plan, const Op& op,
             const Observation& observation) {
  if (program::is_instruction(op.code)) return observation.header.kind == FrameKind::kExecuted;
  // Whatever the agent does for an op, it does under its fault guard.
  if (observation.header.kind == FrameKind::kExecuted) return observation.fault() != nullptr;
  if (const auto count = value_count(compiled, plan, op)) {
    const auto* values = std::get_if<program::Values>(&observation.payload);
    return values != nullptr && values->size() >= *count;
  }
  const auto* bytes = std::get_if<program::Bytes>(&observation.payload);
  if (op.code == OpCode::kRead) return bytes != nullptr && bytes->size() == op.operands[1].value;
  if (op.code == OpCode::kInterruptLog) return bytes != nullptr && bytes->size() <= 256;
  return observation.header.kind == FrameKind::kDone;
}

// Why the frame cannot be this op's; nullptr: it can.
const char* misplaced(const CompiledCase& compiled, const StepPlan& plan, const Op& op,
                      const Observation& observation) {
  const auto& header = observation.header;
  if (header.context != plan.context.handler.value_or(0))
    return "in a context where it does not stand";
  if (!plan.context.handler && header.cpu != plan.context.cpu)
    return "on a CPU where it does not stand";
  if (header.cpu >= compiled.configuration.cpus) return "on a CPU that the machine does not have";
  if (!answers(compiled, plan, op, observation)) return "with an answer of another kind or size";
  return nullptr;
}

// A step runs once unless a repeat or a handler, perhaps around its `on`, runs it again.
bool runs_once(const CompiledCase& compiled, const StepPlan& plan) {
  for (const StepPlan* each = &plan;; each = &compiled.plans[*each->parent]) {
    if (each->context.repeated || each->context.handler) return false;
    if (!each->parent) return true;
  }
}

}  // namespace

std::expected<Evidence, std::string> Evidence::gather(const CompiledCase& compiled,
                                                      std::span<const Observation> observations) {
  Evidence result(compiled);
  for (const Observation& each : observations) {
    if (!is_answer(each.header.kind)) continue;
    const std::uint32_t op = each.header.op;
    if (op >= compiled.ops.size())
      return std::unexpected(
          fmt::format("the agent answered {}", program::describe_op(compiled, op)));
    const StepPlan& plan = compiled.plans[compiled.plan_of_op[op]];
    if (const char* why = misplaced(compiled, plan, compiled.ops[op], each))
      return std::unexpected(
          fmt::format("the agent answered {} {}", program::describe_op(compiled, op), why));
    if (!result.by_op_[op].empty() && runs_once(compiled, plan))
      return std::unexpected(
          fmt::format("the agent answered {} twice", program::describe_op(compiled, op)));
    result.by_op_[op].push_back(&each);
  }
  return result;
}

const Observation* Evidence::at(std::uint32_t op, std::uint32_t sequence) const {
  const auto& all = by_op_[op];
  if (all.empty()) return nullptr;
  const auto later = std::ranges::upper_bound(
      all, sequence, {}, [](const Observation* each) { return each->header.sequence; });
  return later == all.begin() ? all.front() : *(later - 1);
}

const StepPlan* ObservedNames::plan_of(const program::Symbol& symbol) const {
  const auto& plans = evidence_.compiled().plans;
  for (const std::size_t index : symbol.plans)
    if (plans[index].context.cpu == context_.cpu) return &plans[index];
  return &plans[symbol.plans.back()];
}

std::optional<spec::Number> ObservedNames::lookup(std::string_view name) const {
  const CompiledCase& compiled = evidence_.compiled();
  const auto [base, field] = program::split_name(compiled.symbols, name);
  const auto found = compiled.symbols.find(base);
  if (found == compiled.symbols.end()) return std::nullopt;
  if (found->second.kind != program::Symbol::Kind::kObserved)
    return spec::Number{found->second.value, {}, false};
  const StepPlan& plan = *plan_of(found->second);
  const std::string_view wanted =
      field.empty() ? program::primary_field(plan, compiled.ops[*plan.op]) : field;
  const StepPlan* holds = program::holder(compiled.plans, compiled.ops, plan, wanted);
  if (holds == nullptr) return std::nullopt;
  const Observation* observation = evidence_.at(*holds->op, sequence_);
  if (observation == nullptr) return std::nullopt;
  return program::read_field(*holds, compiled.ops[*holds->op], *observation, wanted);
}

std::optional<spec::Number> ObservedNames::call(std::string_view function,
                                                const std::vector<spec::Number>& arguments) const {
  return program::call_function(evidence_.compiled().window, function, arguments);
}

const StepPlan* ObservedNames::missing(const spec::Expression& expression) const {
  const CompiledCase& compiled = evidence_.compiled();
  for (const std::string& name : expression.names()) {
    if (lookup(name)) continue;
    const auto found = compiled.symbols.find(program::split_name(compiled.symbols, name).first);
    if (found != compiled.symbols.end() && !found->second.plans.empty())
      return plan_of(found->second);
  }
  return nullptr;
}

}  // namespace hypervet::judge
