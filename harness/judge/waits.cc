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

const protocol::Operand& patience_of(const Op& op) {
  return op.operands[op.code == OpCode::kVirtioAwait ? 4 : op.code == OpCode::kJoin ? 1 : 3];
}

}  // namespace

std::string awaited(const StepPlan& plan, const Op& op) {
  const auto& o = op.operands;
  const protocol::Operand& patience = patience_of(op);
  const std::string within = patience.slot == protocol::kNoSlot && patience.value != 0
                                 ? " within " + duration(patience.value)
                                 : "";
  if (plan.implied && !plan.implied->awaited.empty()) return plan.implied->awaited + within;
  if (op.code == OpCode::kJoin)
    return fmt::format("cpu {} finishes its block{}", o[0].value, within);
  if (op.code == OpCode::kAwaitInterrupts)
    return fmt::format("{} of vector {:#x} taken on cpu {}{}",
                       o[1].slot == protocol::kNoSlot ? text_of(o[1].value) : "as many", o[0].value,
                       o[2].value, within);
  constexpr std::string_view kRelations[] = {"=", "!=", ">="};
  return fmt::format("memory at {:#x} {} {}{}", o[0].value, kRelations[op.variant % 3],
                     o[2].slot == protocol::kNoSlot ? text_of(o[2].value) : "an observed value",
                     within);
}

std::string not_reached(const StepPlan& plan, const Op& op, const Observation& observation) {
  const auto waited = program::read_raw(plan, op, observation, "waited");
  const auto value = program::read_raw(plan, op, observation, "value");
  const protocol::Operand& patience = patience_of(op);
  const bool asked_once = patience.slot == protocol::kNoSlot && patience.value == 0;
  if (asked_once && value) return "value " + text_of(*value);
  std::string text = "not reached";
  if (waited) text += fmt::format(" in {} ns", waited->value);
  if (value) text += fmt::format(", last value {}", text_of(*value));
  return text;
}

}  // namespace hypervet::judge
