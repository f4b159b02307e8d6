// SPDX-License-Identifier: Apache-2.0
//
// Near and far transfers: JMP, Jcc, CALL, RET, LOOP, JCXZ, INT, IRET, SYSCALL, SYSRET.
#include <utility>

#include "backends/sim/cpu/conditions.h"
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {

bool Core::jump(std::uint64_t target) {
  if (width == CodeWidth::bits64) {
    if (!canonical(target)) return general_protection();
  } else {
    target &= 0xffffffff;
    if (target > s.segment[kCs].limit) return general_protection();
  }
  rip = target;
  return true;
}

namespace {

constexpr unsigned kStackPointer = 8 * kRsp;

// A 16-bit operand size in legacy code truncates the target.
std::uint64_t near_target(const Core& c, const Op& op, std::uint64_t target) {
  return c.width != CodeWidth::bits64 && op.size == 2 ? target & 0xffff : target;
}

bool jump_near64(Core& c, const Op& op) {
  c.rip = c.next_ip64(op) + op.imm;
  return false;
}

template <unsigned kCondition>
bool jump_if64(Core& c, const Op& op) {
  if (!condition<kCondition>(c.flags)) return true;
  c.rip = c.next_ip64(op) + op.imm;
  return false;
}

bool call_near64(Core& c, const Op& op) {
  const std::uint64_t next = c.next_ip64(op);
  const std::uint64_t top = c.reg<std::uint64_t>(kStackPointer) - 8;
  if (!c.store(top, next)) return false;
  c.set_reg<std::uint64_t>(kStackPointer, top);
  c.rip = next + op.imm;
  return false;
}

bool return_near64(Core& c, const Op& op) {
  const std::uint64_t top = c.reg<std::uint64_t>(kStackPointer);
  std::uint64_t target;
  if (!c.load(top, target)) return false;
  if (!c.canonical(target)) [[unlikely]]
    return c.general_protection();
  c.set_reg<std::uint64_t>(kStackPointer, top + 8 + op.imm);
  c.rip = target;
  return false;
}

bool jump_relative(Core& c, const Op& op) {
  c.jump(near_target(c, op, c.next_ip(op) + op.imm));
  return false;
}

template <unsigned kCondition>
bool jump_if(Core& c, const Op& op) {
  return condition<kCondition>(c.flags) ? jump_relative(c, op) : true;
}

// The target of an indirect transfer.
bool indirect_target(Core& c, const Op& op, std::uint64_t& target) {
  if (op.memory) return c.load_sized(c.address(op), op.size, target);
  target = c.reg_sized(op.dst, op.size);
  return true;
}

bool jump_indirect(Core& c, const Op& op) {
  std::uint64_t target;
  if (indirect_target(c, op, target)) c.jump(target);
  return false;
}

bool call(Core& c, const Op& op, std::uint64_t target) {
  const std::uint64_t old = c.rip;
  if (!c.jump(target)) return false;
  if (c.push(op.size, c.next_ip(op))) return false;
  c.rip = old;
  return false;
}

bool call_relative(Core& c, const Op& op) {
  return call(c, op, near_target(c, op, c.next_ip(op) + op.imm));
}

bool call_indirect(Core& c, const Op& op) {
  std::uint64_t target;
  return indirect_target(c, op, target) && call(c, op, target);
}

bool return_near(Core& c, const Op& op) {
  const std::uint64_t top = c.s.gpr[kRsp];
  std::uint64_t target;
  if (!c.pop(op.size, target)) return false;
  if (!c.jump(target)) {
    c.s.gpr[kRsp] = top;
    return false;
  }
  c.set_stack_pointer(c.s.gpr[kRsp] + op.imm);
  return false;
}

enum class LoopKind : std::uint8_t { count, count_equal, count_not_equal, if_zero };

// LOOP, LOOPE, LOOPNE, JCXZ: the counter has the address size.
template <LoopKind kKind>
bool loop(Core& c, const Op& op) {
  const std::uint64_t mask = op.address == AddressKind::plain64    ? ~std::uint64_t{0}
                             : op.address == AddressKind::legacy16 ? 0xffff
                                                                   : 0xffffffff;
  std::uint64_t counter = c.s.gpr[kRcx] & mask;
  bool taken;
  if constexpr (kKind == LoopKind::if_zero) {
    taken = counter == 0;
  } else {
    counter = (counter - 1) & mask;
    taken = counter != 0;
    if (kKind == LoopKind::count_equal) taken &= c.flags.zf();
    if (kKind == LoopKind::count_not_equal) taken &= !c.flags.zf();
    if (taken && !c.jump(near_target(c, op, c.next_ip(op) + op.imm))) return false;
    c.s.gpr[kRcx] = mask == 0xffff ? (c.s.gpr[kRcx] & ~mask) | counter : counter;
    return !taken;
  }
  if (!taken) return true;
  c.jump(near_target(c, op, c.next_ip(op) + op.imm));
  return false;
}

// Selector and offset in op.imm (direct) or in memory.
bool far_target(Core& c, const Op& op, std::uint16_t& selector, std::uint64_t& target) {
  if (!op.memory) {
    selector = static_cast<std::uint16_t>(op.imm >> 32);
    target = op.imm & 0xffffffff;
    return true;
  }
  const std::uint64_t at = c.address(op);
  std::uint64_t raw;
  if (!c.load_sized(at, op.size, target) || !c.load_sized(at + op.size, 2, raw)) return false;
  selector = static_cast<std::uint16_t>(raw);
  return true;
}

template <bool kCall>
bool far_transfer(Core& c, const Op& op) {
  std::uint16_t selector;
  std::uint64_t target;
  if (far_target(c, op, selector, target)) {
    c.far_jump(selector, target, kCall, op.size, c.next_ip(op));
  }
  return false;
}

bool return_far(Core& c, const Op& op) {
  c.far_return({.size = op.size, .release = static_cast<std::uint32_t>(op.imm)});
  return false;
}

bool return_from_interrupt(Core& c, const Op& op) {
  c.far_return({.size = op.size, .with_flags = true});
  return false;
}

// op.imm: vector.
bool software_interrupt(Core& c, const Op& op) {
  c.deliver(static_cast<std::uint8_t>(op.imm), std::nullopt, EventSource::software, c.next_ip(op));
  return false;
}

bool interrupt_on_overflow(Core& c, const Op& op) {
  return c.flags.of() ? software_interrupt(c, op) : true;
}

bool system_call(Core& c, const Op& op) {
  c.system_call(c.next_ip(op));
  return false;
}

bool system_return(Core& c, const Op& op) {
  c.system_return(op.size == 8);
  return false;
}

template <unsigned... kAll>
Handler jump_at(unsigned number, bool long_code, std::integer_sequence<unsigned, kAll...>) {
  static constexpr Handler in64[] = {jump_if64<kAll>...};
  static constexpr Handler in32[] = {jump_if<kAll>...};
  return long_code ? in64[number] : in32[number];
}

bool is_far(const Decoded& d) { return d.insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR; }

void set_far_operand(const Decoded& d, Op& op) {
  if (d.operand[0].type != ZYDIS_OPERAND_TYPE_POINTER) return;
  op.imm = std::uint64_t{d.operand[0].ptr.segment} << 32 | d.operand[0].ptr.offset;
}

Handler select_jump(const Decoded& d, Op& op, bool& last) {
  last = true;
  if (is_far(d)) {
    set_far_operand(d, op);
    return far_transfer<false>;
  }
  if (!d.is_immediate(0)) return jump_indirect;
  return d.long_code() ? jump_near64 : jump_relative;
}

Handler select_call(const Decoded& d, Op& op, bool& last) {
  last = true;
  if (is_far(d)) {
    set_far_operand(d, op);
    return far_transfer<true>;
  }
  if (!d.is_immediate(0)) return call_indirect;
  return d.long_code() ? call_near64 : call_relative;
}

Handler select_interrupt(const Decoded& d, Op& op, bool& last) {
  last = true;
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_INT:
      op.imm &= 0xff;
      return software_interrupt;
    case ZYDIS_MNEMONIC_INT3:
      op.imm = kBreakpoint;
      return software_interrupt;
    case ZYDIS_MNEMONIC_INT1:
      op.imm = kDebug;
      return software_interrupt;
    case ZYDIS_MNEMONIC_INTO:
      op.imm = kOverflow;
      last = false;
      return interrupt_on_overflow;
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
      return return_from_interrupt;
    default:
      last = false;
      return nullptr;
  }
}

}  // namespace

Handler select_control(const Decoded& d, Op& op, bool& last) {
  if (const auto cc = condition_of(d.insn.mnemonic, ConditionFamily::jump)) {
    return jump_at(*cc, d.long_code(), std::make_integer_sequence<unsigned, 16>{});
  }
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_JMP:
      return select_jump(d, op, last);
    case ZYDIS_MNEMONIC_CALL:
      return select_call(d, op, last);
    case ZYDIS_MNEMONIC_RET:
      last = true;
      if (d.count() == 0) op.imm = 0;
      if (is_far(d)) return return_far;
      return d.long_code() && op.size == 8 ? return_near64 : return_near;
    case ZYDIS_MNEMONIC_LOOP:
      return loop<LoopKind::count>;
    case ZYDIS_MNEMONIC_LOOPE:
      return loop<LoopKind::count_equal>;
    case ZYDIS_MNEMONIC_LOOPNE:
      return loop<LoopKind::count_not_equal>;
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
    case ZYDIS_MNEMONIC_JRCXZ:
      return loop<LoopKind::if_zero>;
    case ZYDIS_MNEMONIC_SYSCALL:
      last = true;
      return system_call;
    case ZYDIS_MNEMONIC_SYSRET:
      last = true;
      return system_return;
    default:
      return select_interrupt(d, op, last);
  }
}

}  // namespace hypervet::sim
