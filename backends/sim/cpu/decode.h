// SPDX-License-Identifier: Apache-2.0
//
// From instruction bytes to a record: Zydis decodes, the selectors of the handler files choose the
// function specialised for operation, width and kinds of operands.
#pragma once

#include <Zydis/Zydis.h>

#include <cstdint>
#include <optional>
#include <span>

#include "backends/sim/cpu/core.h"

namespace hypervet::sim {

enum class Decoding : std::uint8_t {
  straight,   // the next instruction may follow in the same run
  ends_run,   // control goes elsewhere, or nobody knows
  truncated,  // more bytes are needed; `op` is not usable
};

// Fills everything of `op` but run; op.offset must be set before. Undefined encodings become
// records that raise #UD, unknown instructions become records that stop the run as unimplemented.
Decoding decode(std::span<const std::uint8_t> bytes, CodeWidth width, Op& op);

// An instruction as a selector sees it.
struct Decoded {
  const ZydisDecodedInstruction& insn;
  const ZydisDecodedOperand* operand;  // visible ones first
  CodeWidth width;

  unsigned count() const { return insn.operand_count_visible; }
  bool is_register(unsigned i) const {
    return i < count() && operand[i].type == ZYDIS_OPERAND_TYPE_REGISTER;
  }
  bool is_memory(unsigned i) const {
    return i < count() && operand[i].type == ZYDIS_OPERAND_TYPE_MEMORY;
  }
  bool is_immediate(unsigned i) const {
    return i < count() && operand[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
  }
  bool is_general(unsigned i) const;
  bool is_class(unsigned i, ZydisRegisterClass c) const {
    return is_register(i) && ZydisRegisterGetClass(operand[i].reg.value) == c;
  }
  unsigned size(unsigned i) const { return operand[i].size / 8u; }
  // Byte offset in the register file.
  std::uint8_t offset(unsigned i) const;
  // Number of a segment, control or debug register.
  std::uint8_t number(unsigned i) const {
    return static_cast<std::uint8_t>(ZydisRegisterGetId(operand[i].reg.value));
  }
  bool long_code() const { return width == CodeWidth::bits64; }
};

// Each returns the handler, having filled dst, src, imm and size of `op`, or nullptr if the
// instruction is not one of its own. Decoding::ends_run is reported by setting `last`.
using Selector = Handler (*)(const Decoded& d, Op& op, bool& last);
// MOV with a 64-bit absolute address, which is in op.imm.
Handler select_absolute_move(const Decoded& d, const Op& op);
Handler select_arithmetic(const Decoded& d, Op& op, bool& last);
Handler select_move(const Decoded& d, Op& op, bool& last);
Handler select_shift(const Decoded& d, Op& op, bool& last);
Handler select_multiply(const Decoded& d, Op& op, bool& last);
Handler select_bit(const Decoded& d, Op& op, bool& last);
Handler select_exchange(const Decoded& d, Op& op, bool& last);
Handler select_stack(const Decoded& d, Op& op, bool& last);
Handler select_string(const Decoded& d, Op& op, bool& last);
Handler select_control(const Decoded& d, Op& op, bool& last);
Handler select_flags(const Decoded& d, Op& op, bool& last);
Handler select_control_register(const Decoded& d, Op& op, bool& last);
Handler select_msr(const Decoded& d, Op& op, bool& last);
Handler select_table(const Decoded& d, Op& op, bool& last);
Handler select_system(const Decoded& d, Op& op, bool& last);

// Byte offset in Core::Frame of the base that the segment has in this code: zero where it has none.
std::uint16_t segment_base_word(unsigned segment, CodeWidth width);
// The segment named by a prefix.
std::optional<unsigned> segment_override(const ZydisDecodedInstruction& insn);

// Picks the instance of a handler template for 1, 2, 4 or 8 bytes.
#define HV_BY_SIZE(size_, handler_, ...)                               \
  ((size_) == 1   ? handler_<std::uint8_t __VA_OPT__(, ) __VA_ARGS__>  \
   : (size_) == 2 ? handler_<std::uint16_t __VA_OPT__(, ) __VA_ARGS__> \
   : (size_) == 4 ? handler_<std::uint32_t __VA_OPT__(, ) __VA_ARGS__> \
                  : handler_<std::uint64_t __VA_OPT__(, ) __VA_ARGS__>)

}  // namespace hypervet::sim
