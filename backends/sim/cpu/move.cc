// SPDX-License-Identifier: Apache-2.0
//
// MOV between general registers, memory and immediates, MOVZX, MOVSX, LEA, CMOVcc, SETcc, BSWAP,
// MOVBE, XLAT, and the sign extensions of the accumulator.
#include <utility>

#include "backends/sim/cpu/conditions.h"
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

template <typename T>
bool move_reg_reg(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, c.reg<T>(op.src));
  return true;
}
template <typename T>
bool move_reg_imm(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, static_cast<T>(op.imm));
  return true;
}
template <typename T>
bool move_reg_mem(Core& c, const Op& op) {
  T value;
  if (!c.load(c.address(op), value)) return false;
  c.set_reg<T>(op.dst, value);
  return true;
}
template <typename T>
bool move_mem_reg(Core& c, const Op& op) {
  return c.store<T>(c.address(op), c.reg<T>(op.src));
}
template <typename T>
bool move_mem_imm(Core& c, const Op& op) {
  return c.store<T>(c.address(op), static_cast<T>(op.imm));
}

Handler select_mov(const Decoded& d) {
  const unsigned size = d.size(0);
  if (d.is_memory(0)) {
    if (d.is_immediate(1)) return HV_BY_SIZE(size, move_mem_imm);
    return d.is_general(1) ? HV_BY_SIZE(size, move_mem_reg) : nullptr;
  }
  if (!d.is_general(0)) return nullptr;
  if (d.is_memory(1)) return HV_BY_SIZE(size, move_reg_mem);
  if (d.is_immediate(1)) return HV_BY_SIZE(size, move_reg_imm);
  return d.is_general(1) ? HV_BY_SIZE(size, move_reg_reg) : nullptr;
}

template <typename T, bool kStore>
bool move_absolute(Core& c, const Op& op) {
  const std::uint64_t at = c.segmented(op, op.segment, op.imm);
  if constexpr (kStore) return c.store<T>(at, c.reg<T>(0));
  T value;
  if (!c.load(at, value)) return false;
  c.set_reg<T>(0, value);
  return true;
}

template <typename To, typename From>
To extend(From value) {
  // A signed From extends its sign, an unsigned one zeroes.
  return static_cast<To>(value);
}

template <typename To, typename From>
bool extend_reg(Core& c, const Op& op) {
  c.set_reg<To>(op.dst, extend<To>(c.reg<From>(op.src)));
  return true;
}
template <typename To, typename From>
bool extend_mem(Core& c, const Op& op) {
  std::make_unsigned_t<From> value;
  if (!c.load(c.address(op), value)) return false;
  c.set_reg<To>(op.dst, extend<To>(static_cast<From>(value)));
  return true;
}

template <typename From>
Handler select_extend(const Decoded& d) {
  const unsigned size = d.size(0);
  return d.is_memory(1) ? HV_BY_SIZE(size, extend_mem, From) : HV_BY_SIZE(size, extend_reg, From);
}

Handler select_extend_from(const Decoded& d, bool sign) {
  switch (d.size(1)) {
    case 1:
      return sign ? select_extend<std::int8_t>(d) : select_extend<std::uint8_t>(d);
    case 2:
      return sign ? select_extend<std::int16_t>(d) : select_extend<std::uint16_t>(d);
    default:
      return sign ? select_extend<std::int32_t>(d) : select_extend<std::uint32_t>(d);
  }
}

template <typename T>
bool load_address(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, static_cast<T>(c.address(op)));
  return true;
}

// CMOVcc reads its source, and clears the upper half of a 32-bit destination, in any case.
template <typename T, unsigned kCondition>
bool conditional_move(Core& c, const Op& op) {
  T value = c.reg<T>(op.src);
  if (op.memory && !c.load(c.address(op), value)) return false;
  c.set_reg<T>(op.dst, condition<kCondition>(c.flags) ? value : c.reg<T>(op.dst));
  return true;
}

template <unsigned kCondition>
bool set_on_condition(Core& c, const Op& op) {
  const std::uint8_t value = condition<kCondition>(c.flags) ? 1 : 0;
  if (op.memory) return c.store<std::uint8_t>(c.address(op), value);
  c.set_reg<std::uint8_t>(op.dst, value);
  return true;
}

template <typename T, unsigned... kAll>
Handler conditional_move_at(unsigned number, std::integer_sequence<unsigned, kAll...>) {
  static constexpr Handler handlers[] = {conditional_move<T, kAll>...};
  return handlers[number];
}

template <unsigned... kAll>
Handler set_at(unsigned number, std::integer_sequence<unsigned, kAll...>) {
  static constexpr Handler handlers[] = {set_on_condition<kAll>...};
  return handlers[number];
}

template <typename T>
T reverse_bytes(T value) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  return value;
}

template <typename T>
bool byte_swap(Core& c, const Op& op) {
  // With a 16-bit operand the result is undefined; processors clear the register.
  c.set_reg<T>(op.dst, sizeof(T) == 2 ? T{0} : reverse_bytes(c.reg<T>(op.dst)));
  return true;
}

template <typename T, bool kStore>
bool move_big_endian(Core& c, const Op& op) {
  if constexpr (kStore) return c.store<T>(c.address(op), reverse_bytes(c.reg<T>(op.src)));
  T value;
  if (!c.load(c.address(op), value)) return false;
  c.set_reg<T>(op.dst, reverse_bytes(value));
  return true;
}

// XLAT: RBX plus AL, in the address size.
bool table_lookup(Core& c, const Op& op) {
  std::uint64_t offset = c.s.gpr[kRbx] + c.reg<std::uint8_t>(0);
  if (op.address == AddressKind::legacy16) offset &= 0xffff;
  if (op.address == AddressKind::short64 || op.address == AddressKind::legacy32) {
    offset &= 0xffffffff;
  }
  std::uint8_t value;
  if (!c.load(c.segmented(op, op.segment, offset), value)) return false;
  c.set_reg<std::uint8_t>(0, value);
  return true;
}

// CBW, CWDE, CDQE.
template <typename From, typename To>
bool extend_accumulator(Core& c, const Op&) {
  c.set_reg<To>(0, extend<To>(c.reg<From>(0)));
  return true;
}

// CWD, CDQ, CQO.
template <typename T>
bool sign_to_data(Core& c, const Op&) {
  c.set_reg<T>(8 * kRdx, static_cast<Signed<T>>(c.reg<T>(0)) < 0 ? static_cast<T>(~T{0}) : T{0});
  return true;
}

using AllConditions = std::make_integer_sequence<unsigned, 16>;

Handler select_conditional(const Decoded& d) {
  if (const auto cc = condition_of(d.insn.mnemonic, ConditionFamily::move)) {
    switch (d.size(0)) {
      case 2:
        return conditional_move_at<std::uint16_t>(*cc, AllConditions{});
      case 4:
        return conditional_move_at<std::uint32_t>(*cc, AllConditions{});
      default:
        return conditional_move_at<std::uint64_t>(*cc, AllConditions{});
    }
  }
  if (const auto cc = condition_of(d.insn.mnemonic, ConditionFamily::set)) {
    return set_at(*cc, AllConditions{});
  }
  return nullptr;
}

}  // namespace

Handler select_absolute_move(const Decoded& d, const Op& op) {
  const bool absolute = d.insn.mnemonic == ZYDIS_MNEMONIC_MOV && (d.is_memory(0) || d.is_memory(1));
  if (!absolute || op.address != AddressKind::plain64) return nullptr;
  const unsigned size = d.size(0);
  return d.is_memory(0) ? HV_BY_SIZE(size, move_absolute, true)
                        : HV_BY_SIZE(size, move_absolute, false);
}

Handler select_move(const Decoded& d, Op& op, bool&) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
      return select_mov(d);
    case ZYDIS_MNEMONIC_MOVZX:
      return select_extend_from(d, false);
    case ZYDIS_MNEMONIC_MOVSXD:
      // With a 16-bit destination there is nothing to extend, and 16 bits are read.
      if (d.size(0) == 2) return select_extend<std::int16_t>(d);
      return select_extend_from(d, true);
    case ZYDIS_MNEMONIC_MOVSX:
      return select_extend_from(d, true);
    case ZYDIS_MNEMONIC_LEA:
      return HV_BY_SIZE(d.size(0), load_address);
    case ZYDIS_MNEMONIC_BSWAP:
      return HV_BY_SIZE(d.size(0), byte_swap);
    case ZYDIS_MNEMONIC_MOVBE:
      return d.is_memory(0) ? HV_BY_SIZE(d.size(0), move_big_endian, true)
                            : HV_BY_SIZE(d.size(0), move_big_endian, false);
    case ZYDIS_MNEMONIC_XLAT:
      op.stack = false;
      op.segment = segment_base_word(segment_override(d.insn).value_or(kDs), d.width);
      return table_lookup;
    case ZYDIS_MNEMONIC_CBW:
      return extend_accumulator<std::int8_t, std::uint16_t>;
    case ZYDIS_MNEMONIC_CWDE:
      return extend_accumulator<std::int16_t, std::uint32_t>;
    case ZYDIS_MNEMONIC_CDQE:
      return extend_accumulator<std::int32_t, std::uint64_t>;
    case ZYDIS_MNEMONIC_CWD:
      return sign_to_data<std::uint16_t>;
    case ZYDIS_MNEMONIC_CDQ:
      return sign_to_data<std::uint32_t>;
    case ZYDIS_MNEMONIC_CQO:
      return sign_to_data<std::uint64_t>;
    default:
      return select_conditional(d);
  }
}

}  // namespace hypervet::sim
