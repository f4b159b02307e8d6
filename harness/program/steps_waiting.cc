// SPDX-License-Identifier: Apache-2.0
// The verbs of waiting and of interrupts.
#include <utility>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

using protocol::AwaitRelation;
using protocol::EoiMode;
using protocol::Op;
using protocol::OpCode;
using spec::Node;

// Local APIC registers by name: SDM vol. 3, table "Local APIC Register Address Map".
constexpr std::pair<std::string_view, std::uint64_t> kApicRegisters[] = {
    {"id", 0x20},
    {"version", 0x30},
    {"tpr", 0x80},
    {"apr", 0x90},
    {"ppr", 0xa0},
    {"eoi", 0xb0},
    {"ldr", 0xd0},
    {"dfr", 0xe0},
    {"svr", 0xf0},
    {"isr0", 0x100},
    {"isr1", 0x110},
    {"isr2", 0x120},
    {"isr3", 0x130},
    {"isr4", 0x140},
    {"isr5", 0x150},
    {"isr6", 0x160},
    {"isr7", 0x170},
    {"tmr0", 0x180},
    {"tmr1", 0x190},
    {"tmr2", 0x1a0},
    {"tmr3", 0x1b0},
    {"tmr4", 0x1c0},
    {"tmr5", 0x1d0},
    {"tmr6", 0x1e0},
    {"tmr7", 0x1f0},
    {"irr0", 0x200},
    {"irr1", 0x210},
    {"irr2", 0x220},
    {"irr3", 0x230},
    {"irr4", 0x240},
    {"irr5", 0x250},
    {"irr6", 0x260},
    {"irr7", 0x270},
    {"esr", 0x280},
    {"icr-low", 0x300},
    {"icr-high", 0x310},
    {"lvt-timer", 0x320},
    {"lvt-thermal", 0x330},
    {"lvt-pmc", 0x340},
    {"lvt-lint0", 0x350},
    {"lvt-lint1", 0x360},
    {"lvt-error", 0x370},
    {"timer-initial", 0x380},
    {"timer-current", 0x390},
    {"timer-divide", 0x3e0},
};

// Interrupt command register, low word: SDM vol. 3, 10.6.1.
constexpr std::uint64_t kIcrNmi = 4 << 8;
constexpr std::uint64_t kIcrAssert = 1 << 14;
constexpr std::uint64_t kIcrSelf = 1 << 18;

std::uint64_t all_ones(unsigned width) {
  return width == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * width)) - 1;
}

}  // namespace

void Compiler::halt(Site& site) {
  Op op = make_op(OpCode::kHalt);
  op.flags = site.arguments.choose<std::uint8_t>("interrupts", protocol::kInterruptsOn,
                                                 {{"on", protocol::kInterruptsOn}, {"off", 0}});
  finish_plan(emit(site, op), site);
}

void Compiler::settle(Site& site) {
  finish_plan(emit(site, make_op(OpCode::kSettle, {operand(site, "for")})), site);
}

void Compiler::await(Site& site) {
  using Form = void (Compiler::*)(Site&, const Node&);
  constexpr std::pair<std::string_view, Form> kForms[] = {
      {"memory", &Compiler::await_memory},
      {"interrupts", &Compiler::await_interrupts},
      {"used", &Compiler::await_used},
      {"interrupt", &Compiler::await_interrupt},
  };
  const Node* what = nullptr;
  Form form = nullptr;
  for (const auto& [key, compile] : kForms) {
    const Node* found = site.arguments.find(key);
    if (found == nullptr) continue;
    if (what != nullptr) fail(site.step.mark, "`await` waits for one thing, not for two");
    what = found;
    form = compile;
  }
  if (what == nullptr)
    fail(site.step.mark, "`await` needs one of memory, interrupts, used, interrupt");
  (this->*form)(site, *what);
}

void Compiler::await_memory(Site& site, const Node& memory) {
  constexpr std::pair<std::string_view, AwaitRelation> kRelations[] = {
      {"equals", AwaitRelation::kEqual},
      {"not-equals", AwaitRelation::kNotEqual},
      {"at-least", AwaitRelation::kAtLeast}};
  Op op = make_op(OpCode::kAwaitMemory);
  op.width = width(site, 4, 8);
  op.operands[0] = operand(memory);
  op.operands[1] = operand_or(site, "mask", all_ones(op.width));
  op.operands[3] = operand_or(site, "within", kDefaultWithin);
  unsigned relations = 0;
  for (const auto& [key, relation] : kRelations) {
    const Node* value = site.arguments.find(key);
    if (value == nullptr) continue;
    ++relations;
    op.operands[2] = operand(*value);
    op.variant = static_cast<std::uint16_t>(relation);
  }
  if (relations != 1)
    fail(site.step.mark, "`await` of memory needs one of equals, not-equals, at-least");
  finish_plan(emit(site, op), site);
}

void Compiler::await_interrupts(Site& site, const Node& interrupts) {
  Arguments what(interrupts, interrupts.mark, "interrupts");
  const Node* count = what.find("count");
  const Node* on_cpu = what.find("cpu");
  const Op op = make_op(OpCode::kAwaitInterrupts,
                        {{vector(what.need("vector"))},
                         count == nullptr ? protocol::Operand{1} : operand(*count),
                         {on_cpu == nullptr ? site.scope.context.cpu : cpu(*on_cpu)},
                         operand_or(site, "within", kDefaultWithin)});
  what.finish();
  finish_plan(emit(site, op), site);
}

void Compiler::handler(Site& site) {
  // Faults are the guard's, the last two vectors the agent's own.
  const auto number = static_cast<unsigned>(this->number(
      site.arguments.need("vector"), 32, protocol::kWakeVector - 1, "a handler's vector"));
  const auto eoi = site.arguments.choose<EoiMode>(
      "eoi", EoiMode::kApic,
      {{"apic", EoiMode::kApic}, {"none", EoiMode::kNone}, {"pv", EoiMode::kPv}});
  Op op = make_op(OpCode::kHandler, {{number}});
  op.variant = static_cast<std::uint16_t>(eoi);
  if (eoi == EoiMode::kPv) op.operands[1] = operand(site, "word");
  if (site.step.expect) fail(site.step.expect->mark, "`handler` observes nothing; its steps do");
  Context context = site.scope.context;
  context.handler = number;
  emit_block(site, op, context);
}

void Compiler::send_ipi(Site& site, std::optional<unsigned> to, unsigned number, bool nmi) {
  std::uint64_t icr = kIcrAssert | (nmi ? kIcrNmi : number);
  // The shorthand "self" sends fixed interrupts only; an NMI to itself needs the CPU's own id.
  if (!to && !nmi) icr |= kIcrSelf;
  const Op op = make_op(OpCode::kSendIcr, {{icr}, {to.value_or(site.scope.context.cpu)}});
  finish_plan(emit(site, op), site);
}

void Compiler::ipi(Site& site) {
  const Node& to = site.arguments.need("to");
  const bool nmi = site.arguments.choose("mode", false, {{"fixed", false}, {"nmi", true}});
  const Node* number = nmi ? site.arguments.find("vector") : &site.arguments.need("vector");
  if (nmi && number != nullptr) fail(number->mark, "an NMI has no vector of its own");
  const auto target = to.is("self") ? std::nullopt : std::optional(cpu(to));
  send_ipi(site, target, nmi ? 2 : vector(*number), nmi);
}

void Compiler::self_ipi(Site& site) {
  send_ipi(site, std::nullopt, vector(site.arguments.need("vector")), false);
}

void Compiler::counts(Site& site) {
  const Op op = make_op(OpCode::kCounts, {{vector(site.arguments.need("vector"))}});
  finish_plan(emit(site, op), site);
}

void Compiler::interrupt_log(Site& site) {
  const Node* of = site.arguments.find("cpu");
  const Op op =
      make_op(OpCode::kInterruptLog, {{of == nullptr ? site.scope.context.cpu : cpu(*of)}});
  finish_plan(emit(site, op), site);
}

void Compiler::apic(Site& site) {
  const Node* from = site.arguments.find("read");
  const Node* to = site.arguments.find("write");
  if ((from == nullptr) == (to == nullptr))
    fail(site.step.mark, "`apic` needs either `read` or `write`");
  const Node& place = from != nullptr ? *from : *to;
  std::optional<std::uint64_t> offset;
  for (const auto& [name, at] : kApicRegisters)
    if (place.is(name)) offset = at;
  if (!offset) offset = number(place, 0, 0xff0, "an APIC register's offset");
  if (*offset % 16 != 0) fail(place.mark, "APIC registers lie 16 bytes apart");
  const Op op = from != nullptr ? make_op(OpCode::kApicRead, {{*offset}})
                                : make_op(OpCode::kApicWrite, {{*offset}, operand(site, "value")});
  finish_plan(emit(site, op), site);
}

void Compiler::apic_eoi(Site& site) {
  finish_plan(emit(site, make_op(OpCode::kApicWrite, {{0xb0}, {0}})), site);
}

void Compiler::apic_mode(Site& site) {
  site.arguments.need("mode");
  const auto mode = site.arguments.choose<std::uint64_t>("mode", 0, {{"xapic", 0}, {"x2apic", 1}});
  finish_plan(emit(site, make_op(OpCode::kApicMode, {{mode}})), site);
}

}  // namespace hypervet::program
