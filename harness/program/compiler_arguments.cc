// SPDX-License-Identifier: Apache-2.0
// What a verb's arguments mean where it stands: numbers, operands, CPUs, flags.
#include "harness/program/compiler.h"
#include "harness/program/failure.h"
#include "harness/program/fields.h"

namespace hypervet::program {

using protocol::Op;
using protocol::Operand;
using spec::Node;

std::uint64_t Compiler::number(const Node& node) {
  const spec::Expression expression = expression_of(node);
  for (const spec::Use& use : expression.uses()) {
    const auto found = result_.symbols.find(split_name(result_.symbols, use.name).first);
    if (!use.is_function && found != result_.symbols.end() &&
        found->second.kind == Symbol::Kind::kObserved)
      fail(use.mark, "`{}` is not known before the run", use.name);
  }
  const spec::Number value = take(expression.evaluate(known_));
  if (value.is_list) fail(node.mark, "one number is wanted, not a list");
  return value.value;
}

std::uint64_t Compiler::number(const Node& node, std::uint64_t low, std::uint64_t high,
                               std::string_view what) {
  const std::uint64_t value = number(node);
  if (value < low || value > high)
    fail(node.mark, "{} is {} to {}, not {}", what, low, high, spec::format_number(value));
  return value;
}

std::uint64_t Compiler::number_or(Site& site, std::string_view key, std::uint64_t otherwise) {
  const Node* node = site.arguments.find(key);
  return node == nullptr ? otherwise : number(*node);
}

Operand Compiler::operand(const Node& node) {
  const auto observed = [this](std::string_view name) {
    const auto found = result_.symbols.find(split_name(result_.symbols, name).first);
    return found != result_.symbols.end() && found->second.kind == Symbol::Kind::kObserved;
  };
  const spec::SlotSum sum = take(expression_of(node).slot_sum(known_, observed));
  Operand result;
  result.value = sum.addend;
  if (!sum.slot.empty()) result.slot = slot_of(sum.slot, node.mark);
  return result;
}

Operand Compiler::operand(Site& site, std::string_view key) {
  return operand(site.arguments.need(key));
}

Operand Compiler::operand_or(Site& site, std::string_view key, std::uint64_t otherwise) {
  const Node* node = site.arguments.find(key);
  return node == nullptr ? Operand{otherwise} : operand(*node);
}

std::uint32_t Compiler::slot_of(const std::string& name, const spec::Mark& mark) {
  const auto [base, field] = split_name(result_.symbols, name);
  const StepPlan& plan = result_.plans[current_.find(base)->second];
  const Op& op = builder_.ops()[*plan.op];
  const bool is_primary = field.empty() || field == primary_field(plan, op);
  if (!has_slot(op.code) || !is_primary)
    fail(mark,
         "`{}` cannot be an input: only the value of rdmsr, in, load, rdtsc, apic, host, status, "
         "register, region, config and features, and the RAX of a hypercall can",
         name);
  const std::uint32_t slot = builder_.slot_of(*plan.op);
  if (slot == protocol::kNoSlot)
    fail(mark, "a program keeps at most {} observed values for later steps", protocol::kMaxSlots);
  return slot;
}

std::uint8_t Compiler::width(Site& site, unsigned otherwise, unsigned widest) {
  const Node* node = site.arguments.find("width");
  if (node == nullptr) return static_cast<std::uint8_t>(otherwise);
  const std::uint64_t value = number(*node);
  if (!(value == 1 || value == 2 || value == 4 || value == 8) || value > widest)
    fail(node->mark, "`width` is 1, 2{} 4{} bytes", widest == 8 ? "," : " or",
         widest == 8 ? " or 8" : "");
  return static_cast<std::uint8_t>(value);
}

unsigned Compiler::vector(const Node& node) {
  return static_cast<unsigned>(number(node, 0, 255, "a vector"));
}

unsigned Compiler::cpu(const Node& node) {
  return static_cast<unsigned>(
      number(node, 0, result_.configuration.cpus - 1, "a CPU of this case's machine"));
}

std::vector<unsigned> Compiler::cpus(const Site& site, const Node& node) {
  if (!node.is("others")) return {cpu(node)};
  std::vector<unsigned> result;
  for (unsigned each = 0; each < result_.configuration.cpus; ++each)
    if (each != site.scope.context.cpu) result.push_back(each);
  if (result.empty()) fail(node.mark, "the machine has one CPU: there are no others");
  return result;
}

std::uint8_t Compiler::instruction_flags(Site& site) {
  unsigned flags = 0;
  if (const Node* cpl = site.arguments.find("cpl")) {
    const std::uint64_t level = number(*cpl);
    if (level != 0 && level != 3) fail(cpl->mark, "`cpl` is 0 or 3");
    if (level == 3) flags |= protocol::kUser;
  }
  flags |= site.arguments.choose<unsigned>("mode", 0, {{"long", 0}, {"compat", protocol::kCompat}});
  flags |= site.arguments.choose<unsigned>("interrupts", 0,
                                           {{"off", 0}, {"on", protocol::kInterruptsOn}});
  if ((flags & protocol::kInterruptsOn) != 0 && site.scope.context.handler)
    fail(site.step.mark, "interrupts stay off in a handler");
  return static_cast<std::uint8_t>(flags);
}

}  // namespace hypervet::program
