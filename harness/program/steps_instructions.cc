// SPDX-License-Identifier: Apache-2.0
// The verbs that execute one instruction, and those that arrange memory.
#include <algorithm>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {

using protocol::Op;
using protocol::OpCode;
using spec::Node;

void Compiler::cpuid(Site& site) {
  Op op = make_op(OpCode::kCpuid, {operand(site, "leaf"), operand_or(site, "subleaf", 0)});
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::rdmsr(Site& site) {
  Op op = make_op(OpCode::kRdmsr, {operand(site, "msr")});
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::wrmsr(Site& site) {
  Op op = make_op(OpCode::kWrmsr, {operand(site, "msr"), operand(site, "value")});
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::in(Site& site) {
  Op op = make_op(OpCode::kIn, {{number(site.arguments.need("port"), 0, 0xffff, "a port")}});
  op.width = width(site, 1, 4);
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::out(Site& site) {
  Op op = make_op(OpCode::kOut, {{number(site.arguments.need("port"), 0, 0xffff, "a port")},
                                 operand(site, "value")});
  op.width = width(site, 1, 4);
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::load(Site& site) {
  Op op = make_op(OpCode::kLoad, {operand(site, "from")});
  op.width = width(site, 4, 8);
  op.flags = instruction_flags(site);
  if (op.width == 8 && (op.flags & protocol::kCompat) != 0)
    fail(site.step.mark, "32-bit code has no 64-bit register to move");
  finish_plan(emit(site, op), site);
}

void Compiler::store(Site& site) {
  Op op = make_op(OpCode::kStore, {operand(site, "to"), operand(site, "value")});
  op.width = width(site, 4, 8);
  op.flags = instruction_flags(site);
  if (op.width == 8 && (op.flags & protocol::kCompat) != 0)
    fail(site.step.mark, "32-bit code has no 64-bit register to move");
  finish_plan(emit(site, op), site);
}

void Compiler::rdtsc(Site& site) {
  Op op = make_op(OpCode::kRdtsc);
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

void Compiler::hypercall(Site& site) {
  Op op = make_op(OpCode::kHypercall, {operand(site, "kvm")});
  if (const Node* args = site.arguments.find("args")) {
    if (!args->is_list() || args->items.size() > 4)
      fail(args->mark, "`args` is a list of up to four arguments");
    std::ranges::transform(args->items, &op.operands[1],
                           [this](const Node& each) { return operand(each); });
  }
  const auto opcode = site.arguments.choose<protocol::HypercallOpcode>(
      "opcode", protocol::HypercallOpcode::kNative,
      {{"native", protocol::HypercallOpcode::kNative},
       {"other", protocol::HypercallOpcode::kOther},
       {"vmcall", protocol::HypercallOpcode::kVmcall},
       {"vmmcall", protocol::HypercallOpcode::kVmmcall}});
  op.variant = static_cast<std::uint16_t>(opcode);
  op.flags = instruction_flags(site);
  finish_plan(emit(site, op), site);
}

std::uint64_t Compiler::allocate(std::uint64_t size, std::uint64_t align, const spec::Mark& mark) {
  const std::uint64_t at = (arena_ + align - 1) & ~(align - 1);
  const std::uint64_t end = protocol::kArenaAddress + protocol::kArenaSize;
  if (size > end || at + size + kGuardGap > end)
    fail(mark, "the case allocates more than the arena's {} bytes", protocol::kArenaSize);
  arena_ = at + size + kGuardGap;
  return at;
}

void Compiler::alloc(Site& site) {
  Arguments& arguments = site.arguments;
  const Node& name = arguments.need("as");
  const std::uint64_t size = number(arguments.need("size"), 1, protocol::kArenaSize, "a size");
  const std::uint64_t align = number_or(site, "align", 8);
  if (align == 0 || (align & (align - 1)) != 0 || align > protocol::kArenaSize)
    fail(arguments.need("align").mark, "`align` is a power of two");
  const bool high = arguments.choose("mapping", false, {{"identity", false}, {"high", true}});
  const Node* fill = arguments.find("fill");
  const std::uint64_t byte = fill == nullptr ? 0 : number(*fill, 0, 255, "`fill`");

  const std::uint64_t at = allocate(size, align, site.step.mark);
  const std::uint64_t address = high ? at + protocol::kHighAlias : at;
  define_address(site, word_of(name), address, name.mark);
  if (site.step.expect) fail(site.step.expect->mark, "`alloc` observes nothing");
  if (byte == 0) {
    plan(site);
  } else {
    emit(site, make_op(OpCode::kFill, {{address}, {size}, {byte}}));
  }
}

void Compiler::read(Site& site) {
  Arguments& arguments = site.arguments;
  const protocol::Operand from = operand(site, "from");
  const spec::Structure* structure = nullptr;
  std::uint64_t size = 0;
  if (const Node* name = arguments.find("struct")) {
    const auto found = interface_.structures.find(word_of(*name));
    if (found == interface_.structures.end())
      fail(name->mark, "no structure is called `{}`", word_of(*name));
    structure = &found->second;
    size = structure->size;
    if (size == 0 || size > protocol::kMaxReadBytes)
      fail(name->mark, "one read takes 1 to {} bytes", protocol::kMaxReadBytes);
    if (const Node* both = arguments.find("size"))
      fail(both->mark, "the structure says the size already");
  } else {
    size = number(arguments.need("size"), 1, protocol::kMaxReadBytes, "a read's size");
  }
  const std::size_t index = emit(site, make_op(OpCode::kRead, {from, {size}}));
  result_.plans[index].structure = structure;
  finish_plan(index, site);
}

void Compiler::fill(Site& site) {
  const Op op = make_op(OpCode::kFill,
                        {operand(site, "to"),
                         {number(site.arguments.need("size"), 1, protocol::kArenaSize, "a size")},
                         {number(site.arguments.need("value"), 0, 255, "a fill byte")}});
  finish_plan(emit(site, op), site);
}

// A page of the window. The same name again maps the same page anew.
void Compiler::map(Site& site) {
  constexpr std::uint64_t kPage = 4096;
  Arguments& arguments = site.arguments;
  const Node& name = arguments.need("as");
  const bool present = arguments.choose(
      "present", true, {{"yes", true}, {"no", false}, {"true", true}, {"false", false}});
  std::uint64_t flags = 0;
  if (present) flags |= protocol::kMapPresent;
  if (const Node* list = arguments.find("flags")) {
    if (!list->is_list()) fail(list->mark, "`flags` is a list");
    for (const Node& each : list->items) {
      if (each.is("writable"))
        flags |= protocol::kMapWritable;
      else if (each.is("user"))
        flags |= protocol::kMapUser;
      else if (each.is("no-execute"))
        flags |= protocol::kMapNoExecute;
      else
        fail(each.mark, "a flag is writable, user or no-execute");
    }
  } else {
    flags |= protocol::kMapWritable;
  }
  const auto before = result_.symbols.find(word_of(name));
  const bool again =
      before != result_.symbols.end() && result_.window.contains(before->second.value);
  const std::uint64_t page =
      again ? before->second.value : protocol::kWindowAddress + result_.window.size() * kPage;
  if (!again) {
    if (result_.window.size() == protocol::kWindowPages)
      fail(site.step.mark, "the window has {} pages", protocol::kWindowPages);
    define_address(site, word_of(name), page, name.mark);
  }
  const Node* to = arguments.find("to");
  if (to == nullptr && present && !again) arguments.need("to");
  const std::uint64_t physical_page = to != nullptr ? physical(result_.window, number(*to))
                                      : again       ? result_.window[page]
                                                    : 0;
  if (physical_page % kPage != 0) fail(to->mark, "`to` is not the start of a page");
  result_.window[page] = physical_page;
  if (site.step.expect) fail(site.step.expect->mark, "`map` observes nothing");
  emit(site, make_op(OpCode::kMap, {{page}, {physical_page}, {flags}}));
}

}  // namespace hypervet::program
