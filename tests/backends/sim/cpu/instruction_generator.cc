// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/sim/cpu/instruction_generator.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "backends/sim/cpu/state.h"

namespace hypervet::sim::testing {
namespace {

constexpr std::uint8_t kOneByte[] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x10, 0x11, 0x12, 0x13,
    0x14, 0x15, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29,
    0x2a, 0x2b, 0x2c, 0x2d, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
    0x50, 0x51, 0x54, 0x55, 0x57, 0x58, 0x5a, 0x5c, 0x5d, 0x5e, 0x63, 0x68, 0x69, 0x6a, 0x6b, 0x70,
    0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80,
    0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x8f, 0x90, 0x91, 0x95, 0x98,
    0x99, 0x9c, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
    0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb4, 0xb7, 0xb8, 0xbd, 0xc0, 0xc1, 0xc2, 0xc3, 0xc6, 0xc7, 0xc8,
    0xc9, 0xd0, 0xd1, 0xd2, 0xd3, 0xd7, 0xe0, 0xe1, 0xe2, 0xe3, 0xe8, 0xe9, 0xeb, 0xf5, 0xf6, 0xf7,
    0xf8, 0xf9, 0xfc, 0xfd, 0xfe, 0xff, 0xf6, 0xf7, 0xf6, 0xf7, 0xa4, 0xa5, 0xa6, 0xa7, 0xd2, 0xd3};
constexpr std::uint8_t kTwoByte[] = {
    0x1f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e,
    0x4f, 0x80, 0x82, 0x84, 0x86, 0x88, 0x8a, 0x8c, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa3, 0xa4, 0xa5, 0xab, 0xac, 0xad, 0xaf,
    0xb0, 0xb1, 0xb3, 0xb6, 0xb7, 0xb8, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xc7, 0xc8,
    0xca, 0xcd, 0x0b, 0xb0, 0xb1, 0xc0, 0xc1, 0xa3, 0xab, 0xb3, 0xbb, 0xba};

const ZydisDecoder& decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder d;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return d;
  }();
  return instance;
}

bool excluded(const ZydisDecodedInstruction& insn) {
  switch (insn.mnemonic) {
    case ZYDIS_MNEMONIC_POPF:  // could set TF or AC
    case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_PAUSE:  // ends the interpreter's run
    case ZYDIS_MNEMONIC_VMPTRLD:
    case ZYDIS_MNEMONIC_VMXON:
    case ZYDIS_MNEMONIC_VMCLEAR:
    case ZYDIS_MNEMONIC_VMPTRST:
    case ZYDIS_MNEMONIC_RDRAND:
    case ZYDIS_MNEMONIC_RDSEED:
    case ZYDIS_MNEMONIC_RDPID:
    case ZYDIS_MNEMONIC_SENDUIPI:
    case ZYDIS_MNEMONIC_XBEGIN:
    case ZYDIS_MNEMONIC_XABORT:
    case ZYDIS_MNEMONIC_XSAVEC:
    case ZYDIS_MNEMONIC_XSAVES:
    case ZYDIS_MNEMONIC_XRSTORS:
    case ZYDIS_MNEMONIC_XSAVEC64:
    case ZYDIS_MNEMONIC_XSAVES64:
    case ZYDIS_MNEMONIC_XRSTORS64:
      return true;
    default:
      break;
  }
  // With a 16-bit destination, vendors differ in how much they read.
  if (insn.mnemonic == ZYDIS_MNEMONIC_MOVSXD && insn.operand_width == 16) return true;
  if (insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) return true;
  // Before a near branch one vendor's processors pass the operand-size prefix over, the other's cut
  // RIP to 16 bits (AMD APM vol. 3, "Near branches"; Intel SDM vol. 2, JMP).
  if (insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE &&
      (insn.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE) != 0) {
    return true;
  }
  return insn.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS);
}

unsigned gpr_number(ZydisRegister reg) {
  return static_cast<unsigned>(
      ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg)));
}

struct Shape {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];

  // Zydis 4.0 invents a base R13 for [index * scale + disp32] with REX.B and 32-bit addresses.
  void drop_phantom_base() {
    const bool no_base = (insn.attributes & ZYDIS_ATTRIB_HAS_SIB) && insn.raw.modrm.mod == 0 &&
                         insn.raw.sib.base == 5;
    for (unsigned i = 0; no_base && i < insn.operand_count_visible; ++i) {
      if (operand[i].type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
      operand[i].mem.base = ZYDIS_REGISTER_NONE;
      operand[i].mem.disp.value = insn.raw.disp.value;
    }
  }

  const ZydisDecodedOperand* memory() const {
    for (unsigned i = 0; i < insn.operand_count_visible; ++i) {
      if (operand[i].type == ZYDIS_OPERAND_TYPE_MEMORY) return &operand[i];
    }
    return nullptr;
  }
};

bool is_string(const ZydisDecodedInstruction& insn) {
  return insn.meta.category == ZYDIS_CATEGORY_STRINGOP &&
         insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;
}

bool is_bit_test(ZydisMnemonic m) {
  return m == ZYDIS_MNEMONIC_BT || m == ZYDIS_MNEMONIC_BTS || m == ZYDIS_MNEMONIC_BTR ||
         m == ZYDIS_MNEMONIC_BTC;
}

std::uint64_t truncated(std::uint64_t value, unsigned bits) {
  return bits >= 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

std::uint64_t effective_address(const Shape& shape, const Candidate& c) {
  const ZydisDecodedOperandMem& mem = shape.memory()->mem;
  // The displacement may have been patched.
  std::int64_t displacement = mem.disp.value;
  if (shape.insn.raw.disp.size == 32) {
    std::int32_t patched;
    std::memcpy(&patched, &c.bytes[shape.insn.raw.disp.offset], 4);
    displacement = patched;
  }
  std::uint64_t at = static_cast<std::uint64_t>(displacement);
  if (mem.base == ZYDIS_REGISTER_RIP || mem.base == ZYDIS_REGISTER_EIP) {
    at += kCode + c.length;
  } else if (mem.base != ZYDIS_REGISTER_NONE) {
    at += c.in.gpr[gpr_number(mem.base)];
  }
  if (mem.index != ZYDIS_REGISTER_NONE) at += c.in.gpr[gpr_number(mem.index)] * mem.scale;
  return truncated(at, shape.insn.address_width);
}

// Shifts: what is defined depends on the count.
void mask_shift(const Shape& shape, Candidate& c) {
  const ZydisMnemonic m = shape.insn.mnemonic;
  const bool single = m == ZYDIS_MNEMONIC_SHL || m == ZYDIS_MNEMONIC_SHR || m == ZYDIS_MNEMONIC_SAR;
  const bool rotate = m == ZYDIS_MNEMONIC_ROL || m == ZYDIS_MNEMONIC_ROR ||
                      m == ZYDIS_MNEMONIC_RCL || m == ZYDIS_MNEMONIC_RCR;
  const bool twin = m == ZYDIS_MNEMONIC_SHLD || m == ZYDIS_MNEMONIC_SHRD;
  if (!single && !rotate && !twin) return;
  const unsigned bits = shape.operand[0].size;
  const ZydisDecodedOperand& by = shape.operand[twin ? 2 : 1];
  unsigned count = by.type == ZYDIS_OPERAND_TYPE_REGISTER
                       ? static_cast<unsigned>(c.in.gpr[kRcx] & 0xff)
                       : static_cast<unsigned>(by.imm.value.u & 0xff);
  if (shape.insn.operand_count_visible == 1) count = 1;
  count &= bits == 64 ? 63 : 31;
  c.compared_flags = rflags::kStatus;
  if (count == 0) return;
  if (!rotate) c.compared_flags &= ~rflags::kAf;
  if (count != 1) c.compared_flags &= ~rflags::kOf;
  if (single && count >= bits && m != ZYDIS_MNEMONIC_SAR) c.compared_flags &= ~rflags::kCf;
  if (twin && count > bits) {
    c.compared_flags = 0;
    if (shape.memory() == nullptr) {
      c.undefined_register = gpr_number(shape.operand[0].reg.value);
    } else {
      c.length = 0;  // an undefined store cannot be compared
    }
  }
}

// Results that the manual leaves undefined.
void mask_result(const Shape& shape, Candidate& c) {
  switch (shape.insn.mnemonic) {
    case ZYDIS_MNEMONIC_BSF:
    case ZYDIS_MNEMONIC_BSR:
      c.undefined_register = gpr_number(shape.operand[0].reg.value);
      if (shape.memory() == nullptr) {
        const auto source = shape.operand[1].reg.value;
        if (truncated(c.in.gpr[gpr_number(source)], shape.operand[1].size) != 0) {
          c.undefined_register = 16;
        }
      }
      break;
    case ZYDIS_MNEMONIC_BSWAP:
      if (shape.operand[0].size == 16) c.length = 0;
      break;
    default:
      break;
  }
}

}  // namespace

std::uint64_t InstructionGenerator::value() {
  const std::uint64_t x = number();
  switch (number() % 10) {
    case 0:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(x)});
    case 1:
      return x & 0xffffffff;
    case 2:
      return 0;
    case 3:
      return x & 0xff;
    case 4:
      return std::uint64_t{1} << (x % 64);
    case 5:
      return (std::uint64_t{1} << (x % 64)) - 1;
    case 6:
      return ~std::uint64_t{0} << (x % 64);
    default:
      return x;
  }
}

// Mostly inside, often near a page boundary, sometimes over the edge.
std::uint64_t InstructionGenerator::window_address() {
  switch (number() % 8) {
    case 0:
      return kWindow + 4096 * (1 + number() % 3) - number() % 16;
    case 1:
      return kWindow + (one_in(2) ? kWindowSize - number() % 12 : number() % 24 - 12);
    default:
      return kWindow + 512 + number() % (kWindowSize - 1024);
  }
}

unsigned InstructionGenerator::random_bytes(std::array<std::uint8_t, 16>& bytes) {
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(number());
  unsigned at = 0;
  if (one_in(5)) bytes[at++] = 0x66;
  if (one_in(12)) bytes[at++] = 0x67;
  if (one_in(8)) bytes[at++] = one_in(2) ? 0xf3 : 0xf2;
  if (one_in(12)) bytes[at++] = 0xf0;
  if (one_in(30)) bytes[at++] = 0x36;
  if (!one_in(3)) bytes[at++] = static_cast<std::uint8_t>(0x40 | number() % 16);
  if (one_in(3)) {
    bytes[at++] = 0x0f;
    if (one_in(24)) {
      bytes[at++] = 0x38;  // MOVBE
      bytes[at++] = static_cast<std::uint8_t>(0xf0 | number() % 2);
    } else {
      bytes[at++] = kTwoByte[number() % std::size(kTwoByte)];
    }
  } else {
    bytes[at++] = kOneByte[number() % std::size(kOneByte)];
  }
  return at;
}

std::optional<Candidate> InstructionGenerator::attempt() {
  Candidate c;
  const unsigned opcode_end = random_bytes(c.bytes);
  Shape shape;
  const ZyanStatus status =
      ZydisDecoderDecodeFull(&decoder(), c.bytes.data(), 15, &shape.insn, shape.operand);
  for (std::uint64_t& reg : c.in.gpr) reg = value();
  c.in.gpr[kRsp] = window_address() & ~std::uint64_t{one_in(4) ? 0u : 7u};
  c.in.flags = 0x202 | (number() & (rflags::kStatus | rflags::kDf));
  if (status == ZYDIS_STATUS_ILLEGAL_LOCK) {
    // Must be #UD; where the instruction ends does not matter.
    c.length = std::min(opcode_end + 8, 15u);
    c.text = "illegal lock";
    return c;
  }
  if (!ZYAN_SUCCESS(status) || excluded(shape.insn)) return std::nullopt;
  shape.drop_phantom_base();
  c.length = shape.insn.length;
  c.text = ZydisMnemonicGetString(shape.insn.mnemonic);

  if (shape.insn.raw.imm[0].is_relative) {
    // Near branches go to the other exit.
    const unsigned at = shape.insn.raw.imm[0].offset;
    const auto distance = static_cast<std::uint32_t>(kBranchTarget - kCode - c.length);
    const unsigned bytes = shape.insn.raw.imm[0].size / 8u;
    if (bytes != 1 && bytes != 4) return std::nullopt;
    std::memcpy(&c.bytes[at], &distance, bytes);
    if (one_in(2)) c.in.gpr[kRcx] = number() % 3;
  } else if (shape.insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE) {
    if (shape.insn.mnemonic != ZYDIS_MNEMONIC_RET && !shape.memory()) {
      c.in.gpr[gpr_number(shape.operand[0].reg.value)] = kBranchTarget;
    }
  }
  if (is_string(shape.insn)) {
    c.in.gpr[kRsi] = window_address();
    c.in.gpr[kRdi] = one_in(3) ? c.in.gpr[kRsi] + number() % 64 - 32 : window_address();
    c.in.gpr[kRcx] = number() % 40;
    if (one_in(16)) c.in.gpr[kRcx] = number() % 3000;
  }
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_XLAT) c.in.gpr[kRbx] = window_address();
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_ENTER) c.bytes[c.length - 1u] = 0;
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_LEAVE) c.in.gpr[kRbp] = window_address();
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG && one_in(2) && !shape.memory()) {
    c.in.gpr[kRax] = c.in.gpr[gpr_number(shape.operand[0].reg.value)];
  }
  if (shape.insn.meta.category == ZYDIS_CATEGORY_SHIFT ||
      shape.insn.meta.category == ZYDIS_CATEGORY_ROTATE) {
    if (one_in(3)) c.in.gpr[kRcx] = (c.in.gpr[kRcx] & ~std::uint64_t{0xff}) | number() % 3;
  }
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_DIV || shape.insn.mnemonic == ZYDIS_MNEMONIC_IDIV) {
    if (!one_in(4)) c.in.gpr[kRdx] = number() % 4 == 0 ? ~std::uint64_t{0} : number() % 8;
    if (one_in(3)) c.in.gpr[kRax] &= 0x1ff;
  }

  if (const ZydisDecodedOperand* memory = shape.memory(); memory && !is_string(shape.insn)) {
    std::uint64_t target = window_address();
    if (is_bit_test(shape.insn.mnemonic) && shape.operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
      target = kWindow + 8192;
      c.in.gpr[gpr_number(shape.operand[1].reg.value)] = number() % (20 * 4096 * 4) - 10 * 4096 * 4;
    }
    const ZydisRegister base = memory->mem.base, index = memory->mem.index;
    const auto displacement = static_cast<std::uint64_t>(memory->mem.disp.value);
    if (base == ZYDIS_REGISTER_RIP || base == ZYDIS_REGISTER_EIP ||
        (base == ZYDIS_REGISTER_NONE && index == ZYDIS_REGISTER_NONE)) {
      const std::uint64_t from = base == ZYDIS_REGISTER_NONE ? 0 : kCode + c.length;
      const std::uint64_t patched = target - from;
      std::memcpy(&c.bytes[shape.insn.raw.disp.offset], &patched, shape.insn.raw.disp.size / 8u);
    } else if (base == ZYDIS_REGISTER_NONE) {
      c.in.gpr[gpr_number(index)] = (target - displacement) / memory->mem.scale;
    } else if (index != ZYDIS_REGISTER_NONE && gpr_number(index) == gpr_number(base)) {
      c.in.gpr[gpr_number(base)] = (target - displacement) / (memory->mem.scale + 1u);
    } else {
      const std::uint64_t scaled =
          index == ZYDIS_REGISTER_NONE ? 0 : c.in.gpr[gpr_number(index)] * memory->mem.scale;
      c.in.gpr[gpr_number(base)] = target - displacement - scaled;
    }
    if (shape.insn.address_width == 32 && one_in(2) && base != ZYDIS_REGISTER_NONE &&
        base != ZYDIS_REGISTER_EIP) {
      c.in.gpr[gpr_number(base)] |= number() << 32;  // must be ignored
    }
  }
  if (shape.insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE && shape.memory() != nullptr) {
    if (shape.insn.operand_width != 64) return std::nullopt;
    c.branch_slot = effective_address(shape, c);
  }
  if (shape.insn.mnemonic == ZYDIS_MNEMONIC_RET) c.branch_slot = c.in.gpr[kRsp];
  c.compared_flags = rflags::kStatus;
  if (shape.insn.cpu_flags != nullptr) c.compared_flags &= ~shape.insn.cpu_flags->undefined;
  mask_shift(shape, c);
  mask_result(shape, c);
  if (c.length == 0) return std::nullopt;
  return c;
}

Candidate InstructionGenerator::next() {
  for (;;) {
    if (auto candidate = attempt()) return *candidate;
  }
}

}  // namespace hypervet::sim::testing
