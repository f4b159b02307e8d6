// SPDX-License-Identifier: Apache-2.0
//
// Instructions on segment registers and descriptor tables: MOV with a segment register, LGDT, LIDT,
// SGDT, SIDT, LLDT, LTR, SLDT, STR.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

// op.dst: segment register; the selector is in op.src or memory.
bool move_to_segment(Core& c, const Op& op) {
  std::uint64_t selector = c.reg<std::uint16_t>(op.src);
  if (op.memory && !c.load_sized(c.address(op), 2, selector)) return false;
  if (!c.load_segment(op.dst, static_cast<std::uint16_t>(selector))) return false;
  if (op.dst == kSs) c.cast_shadow();
  return c.leave(op);
}

bool store_selector(Core& c, const Op& op, std::uint16_t selector) {
  if (op.memory) return c.store_sized(c.address(op), 2, selector);
  c.set_reg_sized(op.dst, op.size, selector);
  return true;
}

// op.src: segment register.
bool move_from_segment(Core& c, const Op& op) {
  return store_selector(c, op, c.s.segment[op.src].selector);
}

template <TableRegister CpuState::* kTable>
bool load_table(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  const std::uint64_t at = c.address(op);
  const unsigned base_size = c.width == CodeWidth::bits64 ? 8 : 4;
  std::uint64_t limit, base;
  if (!c.load_sized(at, 2, limit) || !c.load_sized(at + 2, base_size, base)) return false;
  if (!c.canonical(base)) return c.general_protection();
  // With a 16-bit operand the base has 24 bits.
  if (base_size == 4 && op.size == 2) base &= 0xffffff;
  c.s.*kTable = {.base = base, .limit = static_cast<std::uint16_t>(limit)};
  return c.leave(op);
}

// User-mode instruction prevention: CR4.UMIP.
bool may_store_tables(Core& c) { return !(c.s.cr4 & cr4::kUmip) || c.privileged(); }

template <TableRegister CpuState::* kTable>
bool store_table(Core& c, const Op& op) {
  if (!may_store_tables(c)) return false;
  const std::uint64_t at = c.address(op);
  const TableRegister table = c.s.*kTable;
  const unsigned base_size = c.width == CodeWidth::bits64 ? 8 : 4;
  return c.probe_write(at, 2 + base_size) && c.store_sized(at, 2, table.limit) &&
         c.store_sized(at + 2, base_size, table.base);
}

template <bool (Core::*kLoad)(std::uint16_t)>
bool load_system_segment(Core& c, const Op& op) {
  if (c.real_mode()) return c.fault(kInvalidOpcode);
  if (!c.privileged()) return false;
  std::uint64_t selector = c.reg<std::uint16_t>(op.dst);
  if (op.memory && !c.load_sized(c.address(op), 2, selector)) return false;
  return (c.*kLoad)(static_cast<std::uint16_t>(selector));
}

template <Segment CpuState::* kSegment>
bool store_system_segment(Core& c, const Op& op) {
  if (c.real_mode()) return c.fault(kInvalidOpcode);
  if (!may_store_tables(c)) return false;
  return store_selector(c, op, (c.s.*kSegment).selector);
}

Handler select_segment_move(const Decoded& d, Op& op, bool& last) {
  if (d.is_class(0, ZYDIS_REGCLASS_SEGMENT)) {
    op.dst = d.number(0);
    last = true;
    return move_to_segment;
  }
  if (d.is_class(1, ZYDIS_REGCLASS_SEGMENT)) {
    op.src = d.number(1);
    op.size = static_cast<std::uint8_t>(d.size(0));
    return move_from_segment;
  }
  return nullptr;
}

}  // namespace

Handler select_table(const Decoded& d, Op& op, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
      return select_segment_move(d, op, last);
    case ZYDIS_MNEMONIC_LGDT:
      last = true;
      return load_table<&CpuState::gdtr>;
    case ZYDIS_MNEMONIC_LIDT:
      last = true;
      return load_table<&CpuState::idtr>;
    case ZYDIS_MNEMONIC_SGDT:
      return store_table<&CpuState::gdtr>;
    case ZYDIS_MNEMONIC_SIDT:
      return store_table<&CpuState::idtr>;
    case ZYDIS_MNEMONIC_LTR:
      return load_system_segment<&Core::load_task_register>;
    case ZYDIS_MNEMONIC_LLDT:
      return load_system_segment<&Core::load_local_table>;
    case ZYDIS_MNEMONIC_STR:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return store_system_segment<&CpuState::tr>;
    case ZYDIS_MNEMONIC_SLDT:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return store_system_segment<&CpuState::ldtr>;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
