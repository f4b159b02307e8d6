// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/cpu/decode.h"

#include <array>
#include <cstddef>
#include <limits>

namespace hypervet::sim {
namespace {

ZydisDecoder make_decoder(ZydisMachineMode mode, ZydisStackWidth width) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, mode, width);
  return decoder;
}

const ZydisDecoder& decoder_for(CodeWidth width) {
  static const std::array<ZydisDecoder, 3> decoders = {
      make_decoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16),
      make_decoder(ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32),
      make_decoder(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)};
  return decoders[static_cast<std::size_t>(width)];
}

constexpr std::uint16_t kZero = offsetof(Core::Frame, zero);
constexpr std::uint16_t kIpBase = offsetof(Core::Frame, ip_base);

std::uint16_t gpr_word(ZydisRegister reg) {
  const auto id = static_cast<unsigned>(ZydisRegisterGetId(reg));
  return static_cast<std::uint16_t>(offsetof(Core::Frame, state.gpr) + 8 * id);
}

std::uint16_t base_word(ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_NONE) return kZero;
  if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP) return kIpBase;
  return gpr_word(reg);
}

AddressKind address_kind(unsigned address_bits, CodeWidth width) {
  if (width == CodeWidth::bits64) {
    return address_bits == 64 ? AddressKind::plain64 : AddressKind::short64;
  }
  return address_bits == 16 ? AddressKind::legacy16 : AddressKind::legacy32;
}

// Zydis 4.0 takes [index * scale + disp32] with REX.B and a 32-bit address size for a base of R13.
// Mod 0 with SIB base 5 never has a base (Intel SDM vol. 2, table 2-3).
ZydisDecodedOperandMem without_phantom_base(const Decoded& d, ZydisDecodedOperandMem mem) {
  const auto& raw = d.insn.raw;
  if ((d.insn.attributes & ZYDIS_ATTRIB_HAS_SIB) && raw.modrm.mod == 0 && raw.sib.base == 5) {
    mem.base = ZYDIS_REGISTER_NONE;
    mem.disp.value = raw.disp.value;
  }
  return mem;
}

// False if the displacement has no place in the record.
bool set_memory(const Decoded& d, const ZydisDecodedOperandMem& mem, Op& op) {
  op.memory = true;
  op.base = base_word(mem.base);
  op.index = mem.index == ZYDIS_REGISTER_NONE ? kZero : gpr_word(mem.index);
  op.scale = static_cast<std::uint8_t>(mem.scale == 8 ? 3 : mem.scale / 2);
  op.stack = mem.segment == ZYDIS_REGISTER_SS;
  op.segment =
      mem.type == ZYDIS_MEMOP_TYPE_AGEN
          ? kZero
          : segment_base_word(static_cast<unsigned>(ZydisRegisterGetId(mem.segment)), d.width);
  std::int64_t displacement = mem.disp.value;
  if (op.base == kIpBase) displacement += op.offset + op.length;
  op.displacement = static_cast<std::int32_t>(displacement);
  if (mem.type == ZYDIS_MEMOP_TYPE_MEM && mem.base == ZYDIS_REGISTER_NONE) op.imm = mem.disp.value;
  return op.displacement == displacement || op.address != AddressKind::plain64;
}

bool undefined(Core& core, const Op&) { return core.fault(kInvalidOpcode); }
bool too_long(Core& core, const Op&) { return core.general_protection(); }

// op.imm is the mnemonic.
bool unimplemented(Core& core, const Op& op) {
  return core.not_implemented(ZydisMnemonicGetString(static_cast<ZydisMnemonic>(op.imm)));
}

bool is_stack_mnemonic(ZydisInstructionCategory category) {
  return category == ZYDIS_CATEGORY_PUSH || category == ZYDIS_CATEGORY_POP ||
         category == ZYDIS_CATEGORY_CALL || category == ZYDIS_CATEGORY_RET;
}

constexpr Selector kSelectors[] = {
    select_move,   select_arithmetic, select_control,          select_stack,
    select_shift,  select_bit,        select_exchange,         select_multiply,
    select_string, select_flags,      select_control_register, select_table,
    select_msr,    select_system,
};

Decoding decode_failure(ZyanStatus status, std::size_t available, Op& op) {
  if (status == ZYDIS_STATUS_NO_MORE_DATA && available < 15) return Decoding::truncated;
  const bool long_one =
      status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG || status == ZYDIS_STATUS_NO_MORE_DATA;
  op.handler = long_one ? too_long : undefined;
  op.length = 1;
  return Decoding::ends_run;
}

}  // namespace

std::uint16_t segment_base_word(unsigned segment, CodeWidth width) {
  // In 64-bit code only FS and GS have a base.
  if (width == CodeWidth::bits64 && segment != kFs && segment != kGs) return kZero;
  return static_cast<std::uint16_t>(offsetof(Core::Frame, state.segment) +
                                    segment * sizeof(Segment) + offsetof(Segment, base));
}

std::optional<unsigned> segment_override(const ZydisDecodedInstruction& insn) {
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_ES) return kEs;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_CS) return kCs;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_SS) return kSs;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_DS) return kDs;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS) return kFs;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS) return kGs;
  return std::nullopt;
}

bool Decoded::is_general(unsigned i) const {
  if (!is_register(i)) return false;
  const ZydisRegisterClass c = ZydisRegisterGetClass(operand[i].reg.value);
  return c == ZYDIS_REGCLASS_GPR8 || c == ZYDIS_REGCLASS_GPR16 || c == ZYDIS_REGCLASS_GPR32 ||
         c == ZYDIS_REGCLASS_GPR64;
}

std::uint8_t Decoded::offset(unsigned i) const {
  const ZydisRegister reg = operand[i].reg.value;
  unsigned offset;
  if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
    offset = 8u * (reg - ZYDIS_REGISTER_AH) + 1;
  } else if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL) {
    offset = 8u * (reg - ZYDIS_REGISTER_AL);
  } else if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B) {
    offset = 8u * (reg - ZYDIS_REGISTER_SPL + 4);
  } else {
    offset = 8u * static_cast<unsigned>(ZydisRegisterGetId(reg));
  }
  return static_cast<std::uint8_t>(offset);
}

Decoding decode(std::span<const std::uint8_t> bytes, CodeWidth width, Op& op) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  const ZyanStatus status =
      ZydisDecoderDecodeFull(&decoder_for(width), bytes.data(), bytes.size(), &insn, operands);
  if (!ZYAN_SUCCESS(status)) return decode_failure(status, bytes.size(), op);

  const Decoded d{.insn = insn, .operand = operands, .width = width};
  op.length = insn.length;
  op.size = static_cast<std::uint8_t>(insn.operand_width / 8);
  op.address = address_kind(insn.address_width, width);
  op.base = op.index = op.segment = kZero;
  if (insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE)) op.repeat = Repeat::equal;
  if (insn.attributes & ZYDIS_ATTRIB_HAS_REPNE) op.repeat = Repeat::not_equal;
  op.stack = is_stack_mnemonic(insn.meta.category);

  bool representable = true;
  for (unsigned i = 0; i < d.count(); ++i) {
    if (d.is_memory(i) && !op.memory)
      representable = set_memory(d, without_phantom_base(d, operands[i].mem), op);
    if (d.is_immediate(i)) op.imm = operands[i].imm.value.u;
  }
  if (d.is_general(0)) op.dst = d.offset(0);
  if (d.is_general(1)) op.src = d.offset(1);

  bool last = false;
  if (representable) {
    for (Selector select : kSelectors) {
      op.handler = select(d, op, last);
      if (op.handler != nullptr) return last ? Decoding::ends_run : Decoding::straight;
    }
  } else if ((op.handler = select_absolute_move(d, op)) != nullptr) {
    return Decoding::straight;
  }
  op.handler = unimplemented;
  op.imm = insn.mnemonic;
  return Decoding::ends_run;
}

}  // namespace hypervet::sim
