// SPDX-License-Identifier: Apache-2.0
//
// PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE. 64-bit forms have handlers of their own; the
// others go through Core::push() and pop(), which know the stack's width.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {

std::uint64_t Core::stack_mask() const {
  if (width == CodeWidth::bits64) return ~std::uint64_t{0};
  return s.segment[kSs].big() ? 0xffffffff : 0xffff;
}

std::uint64_t Core::stack_address(std::uint64_t offset) const {
  if (width == CodeWidth::bits64) return offset;
  return (s.segment[kSs].base + (offset & stack_mask())) & 0xffffffff;
}

void Core::set_stack_pointer(std::uint64_t value) {
  const std::uint64_t mask = stack_mask();
  s.gpr[kRsp] = mask == 0xffff ? (s.gpr[kRsp] & ~mask) | (value & mask) : value & mask;
}

bool Core::push(unsigned size, std::uint64_t value) {
  const std::uint64_t top = s.gpr[kRsp] - size;
  if (!store_sized(stack_address(top), size, value)) return false;
  set_stack_pointer(top);
  return true;
}

bool Core::pop(unsigned size, std::uint64_t& value) {
  if (!load_sized(stack_address(s.gpr[kRsp]), size, value)) return false;
  set_stack_pointer(s.gpr[kRsp] + size);
  return true;
}

namespace {

constexpr unsigned kStackPointer = 8 * kRsp;

bool push64(Core& c, std::uint64_t value) {
  const std::uint64_t top = c.reg<std::uint64_t>(kStackPointer) - 8;
  if (!c.store(top, value)) return false;
  c.set_reg<std::uint64_t>(kStackPointer, top);
  return true;
}

bool push_reg64(Core& c, const Op& op) { return push64(c, c.reg<std::uint64_t>(op.dst)); }
bool push_imm64(Core& c, const Op& op) { return push64(c, op.imm); }
bool push_mem64(Core& c, const Op& op) {
  std::uint64_t value;
  return c.load(c.address(op), value) && push64(c, value);
}
bool pop_reg64(Core& c, const Op& op) {
  const std::uint64_t top = c.reg<std::uint64_t>(kStackPointer);
  std::uint64_t value;
  if (!c.load(top, value)) return false;
  c.set_reg<std::uint64_t>(kStackPointer, top + 8);
  c.set_reg<std::uint64_t>(op.dst, value);  // POP RSP: the popped value stays
  return true;
}

bool push_any(Core& c, const Op& op) {
  std::uint64_t value = op.imm;
  if (op.memory) {
    if (!c.load_sized(c.address(op), op.size, value)) return false;
  } else if (op.src != 0) {
    value = c.reg_sized(op.dst, op.size);
  }
  return c.push(op.size, value);
}

bool pop_any(Core& c, const Op& op) {
  const std::uint64_t top = c.s.gpr[kRsp];
  std::uint64_t value;
  if (!c.pop(op.size, value)) return false;
  if (!op.memory) {
    c.set_reg_sized(op.dst, op.size, value);
    return true;
  }
  // An address made of RSP sees the RSP after the pop.
  if (c.store_sized(c.address(op), op.size, value)) return true;
  c.s.gpr[kRsp] = top;
  return false;
}

bool push_segment(Core& c, const Op& op) { return c.push(op.size, c.s.segment[op.dst].selector); }

bool pop_segment(Core& c, const Op& op) {
  const std::uint64_t top = c.s.gpr[kRsp];
  std::uint64_t value;
  if (!c.pop(op.size, value)) return false;
  if (!c.load_segment(op.dst, static_cast<std::uint16_t>(value))) {
    c.s.gpr[kRsp] = top;
    return false;
  }
  if (op.dst == kSs) c.cast_shadow();
  return c.leave(op);
}

// RF and VM read as zero.
bool push_flags(Core& c, const Op& op) {
  return c.push(op.size, c.rflags_value() & ~(rflags::kRf | rflags::kVm));
}

bool pop_flags(Core& c, const Op& op) {
  std::uint64_t value;
  if (!c.pop(op.size, value)) return false;
  c.set_rflags(c.merged_flags(value, op.size));
  return c.leave(op);
}

bool push_all(Core& c, const Op& op) {
  const std::uint64_t top = c.s.gpr[kRsp];
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint64_t value = i == kRsp ? top : c.s.gpr[i];
    if (!c.push(op.size, value)) {
      c.s.gpr[kRsp] = top;
      return false;
    }
  }
  return true;
}

bool pop_all(Core& c, const Op& op) {
  std::uint64_t values[8];
  for (unsigned i = 0; i < 8; ++i) {
    if (!c.load_sized(c.stack_address(c.s.gpr[kRsp] + i * op.size), op.size, values[i])) {
      return false;
    }
  }
  for (unsigned i = 0; i < 8; ++i) {
    if (7 - i != kRsp) c.set_reg_sized(8 * (7 - i), op.size, values[i]);
  }
  c.set_stack_pointer(c.s.gpr[kRsp] + 8u * op.size);
  return true;
}

bool leave_frame(Core& c, const Op& op) {
  std::uint64_t value;
  const std::uint64_t frame = c.s.gpr[kRbp];
  if (!c.load_sized(c.stack_address(frame), op.size, value)) return false;
  c.set_stack_pointer(frame + op.size);
  c.set_reg_sized(8 * kRbp, op.size, value);
  return true;
}

// op.imm: frame size; op.dst: nesting level.
bool enter_frame(Core& c, const Op& op) {
  const std::uint64_t top = c.s.gpr[kRsp], old_frame = c.s.gpr[kRbp];
  const auto undo = [&] {
    c.s.gpr[kRsp] = top;
    return false;
  };
  if (!c.push(op.size, old_frame)) return undo();
  const std::uint64_t frame = c.s.gpr[kRsp];
  const unsigned level = op.dst % 32;
  for (unsigned i = 1; i < level; ++i) {
    std::uint64_t link;
    if (!c.load_sized(c.stack_address(old_frame - i * op.size), op.size, link) ||
        !c.push(op.size, link)) {
      return undo();
    }
  }
  if (level > 0 && !c.push(op.size, frame)) return undo();
  const std::uint64_t bottom = c.s.gpr[kRsp] - op.imm;
  // The new top must be writable, although nothing is written.
  if (!c.probe_write(c.stack_address(bottom), op.size)) return undo();
  c.set_stack_pointer(bottom);
  c.set_reg_sized(8 * kRbp, op.size, frame);
  return true;
}

Handler select_push(const Decoded& d, Op& op, bool& last) {
  if (d.is_class(0, ZYDIS_REGCLASS_SEGMENT)) {
    op.dst = d.number(0);
    return push_segment;
  }
  op.src = d.is_general(0);
  last = false;
  if (!d.long_code() || op.size != 8) return push_any;
  if (op.memory) return push_mem64;
  return op.src != 0 ? push_reg64 : push_imm64;
}

Handler select_pop(const Decoded& d, Op& op, bool& last) {
  if (d.is_class(0, ZYDIS_REGCLASS_SEGMENT)) {
    op.dst = d.number(0);
    last = true;
    return pop_segment;
  }
  return d.long_code() && op.size == 8 && !op.memory ? pop_reg64 : pop_any;
}

}  // namespace

Handler select_stack(const Decoded& d, Op& op, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
      return select_push(d, op, last);
    case ZYDIS_MNEMONIC_POP:
      return select_pop(d, op, last);
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFD:
    case ZYDIS_MNEMONIC_PUSHFQ:
      return push_flags;
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFD:
    case ZYDIS_MNEMONIC_POPFQ:
      last = true;
      return pop_flags;
    case ZYDIS_MNEMONIC_PUSHA:
    case ZYDIS_MNEMONIC_PUSHAD:
      return push_all;
    case ZYDIS_MNEMONIC_POPA:
    case ZYDIS_MNEMONIC_POPAD:
      return pop_all;
    case ZYDIS_MNEMONIC_LEAVE:
      return leave_frame;
    case ZYDIS_MNEMONIC_ENTER:
      op.imm = d.operand[0].imm.value.u & 0xffff;
      op.dst = static_cast<std::uint8_t>(d.operand[1].imm.value.u);
      return enter_frame;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
