// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/waits.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "harness/judge/allowed.h"
#include "harness/program/fields.h"

namespace hypervet::judge {

using program::Observation;
using program::StepPlan;
using protocol::Op;
using protocol::OpCode;

namespace {

constexpr std::string_view kDurationUnits[] = {"ns", "us", "ms", "s"};

std::string duration(std::uint64_t nanoseconds) {
  std::size_t unit = 0;
  while (unit < 3 && nanoseconds >= 1000 && nanoseconds % 1000 == 0) {
    nanoseconds /= 1000;
    ++unit;
  }
  return fmt::format("{} {}", nanoseconds, kDurationUnits[unit]);
}

}  // namespace

bool waits(OpCode code) {
  return code == OpCode::kAwaitMemory || code == OpCode::kAwaitInterrupts ||
         code == OpCode::kVirtioAwait || code == OpCode::kJoin;
}

std::string awaited(const StepPlan& plan, const Op& op) {
  const auto& o = op.operands;
  const auto within = [](const protocol::Operand& operand) {
    return operand.slot == protocol::kNoSlot ? " within " + duration(operand.value) : "";
  };
  if (plan.implied && !plan.implied->awaited.empty())
    return plan.implied->awaited + within(op.code == OpCode::kVirtioAwait ? o[4] : o[3]);
  if (op.code == OpCode::kJoin)
    return fmt::format("cpu {} finishes its block{}", o[0].value, within(o[1]));
  if (op.code == OpCode::kAwaitInterrupts)
    return fmt::format("{} of vector {:#x} taken on cpu {}{}",
                       o[1].slot == protocol::kNoSlot ? text_of(o[1].value) : "as many", o[0].value,
                       o[2].value, within(o[3]));
  constexpr std::string_view kRelations[] = {"=", "!=", ">="};
  return fmt::format("memory at {:#x} {} {}{}", o[0].value, kRelations[op.variant % 3],
                     o[2].slot == protocol::kNoSlot ? text_of(o[2].value) : "an observed value",
                     within(o[3]));
}

std::string not_reached(const StepPlan& plan, const Op& op, const Observation& observation) {
  const auto waited = program::read_raw(plan, op, observation, "waited");
  const auto value = program::read_raw(plan, op, observation, "value");
  std::string text = "not reached";
  if (waited) text += fmt::format(" in {} ns", waited->value);
  if (value) text += fmt::format(", last value {}", text_of(*value));
  return text;
}

}  // namespace hypervet::judge
