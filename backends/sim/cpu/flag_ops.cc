// SPDX-License-Identifier: Apache-2.0
//
// Instructions on RFLAGS: CLC, STC, CMC, CLD, STD, CLI, STI, LAHF, SAHF; and loading all of it.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {

void Core::set_rflags(std::uint64_t value) {
  constexpr std::uint64_t kExisting = rflags::kStatus | rflags::kTf | rflags::kIf | rflags::kDf |
                                      rflags::kIopl | rflags::kNt | rflags::kRf | rflags::kAc |
                                      rflags::kId;
  const bool opens = (value & rflags::kIf) && !(s.rflags & rflags::kIf);
  s.rflags = (value & kExisting) | rflags::kFixed;
  flags.set_bits(value);
  if (opens) notice_events();
  if (value & rflags::kTf) attention |= attention::kSingle;
}

// Intel SDM vol. 2, POPF: IOPL only at CPL 0, IF only at CPL <= IOPL; VM stays, RF is cleared.
std::uint64_t Core::merged_flags(std::uint64_t value, unsigned size) const {
  std::uint64_t writable =
      rflags::kStatus | rflags::kTf | rflags::kDf | rflags::kNt | rflags::kAc | rflags::kId;
  if (cpl == 0) writable |= rflags::kIopl;
  if (cpl <= iopl()) writable |= rflags::kIf;
  if (size == 2) writable &= 0xffff;
  return (rflags_value() & ~(writable | rflags::kRf)) | (value & writable);
}

void Core::cast_shadow() {
  s.interrupt_shadow = true;
  attention |= attention::kSingle;
}

namespace {

bool clear_carry(Core& c, const Op&) {
  c.flags.carry = 0;
  return true;
}
bool set_carry(Core& c, const Op&) {
  c.flags.carry = 1;
  return true;
}
bool complement_carry(Core& c, const Op&) {
  c.flags.carry ^= 1;
  return true;
}
bool clear_direction(Core& c, const Op&) {
  c.s.rflags &= ~rflags::kDf;
  return true;
}
bool set_direction(Core& c, const Op&) {
  c.s.rflags |= rflags::kDf;
  return true;
}
bool clear_interrupt(Core& c, const Op&) {
  if (c.cpl > c.iopl()) return c.general_protection();
  c.s.rflags &= ~rflags::kIf;
  return true;
}
bool set_interrupt(Core& c, const Op& op) {
  if (c.cpl > c.iopl()) return c.general_protection();
  if (!(c.s.rflags & rflags::kIf)) {
    c.s.rflags |= rflags::kIf;
    c.cast_shadow();
    c.notice_events();
  }
  return c.leave(op);
}
bool flags_to_ah(Core& c, const Op&) {
  c.set_reg<std::uint8_t>(1, static_cast<std::uint8_t>(c.flags.bits() | rflags::kFixed));
  return true;
}
bool ah_to_flags(Core& c, const Op&) {
  constexpr std::uint64_t kLoaded = rflags::kStatus & 0xff;
  c.flags.set_bits((c.flags.bits() & ~kLoaded) | (c.reg<std::uint8_t>(1) & kLoaded));
  return true;
}

}  // namespace

Handler select_flags(const Decoded& d, Op&, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_CLC:
      return clear_carry;
    case ZYDIS_MNEMONIC_STC:
      return set_carry;
    case ZYDIS_MNEMONIC_CMC:
      return complement_carry;
    case ZYDIS_MNEMONIC_CLD:
      return clear_direction;
    case ZYDIS_MNEMONIC_STD:
      return set_direction;
    case ZYDIS_MNEMONIC_CLI:
      return clear_interrupt;
    case ZYDIS_MNEMONIC_STI:
      last = true;
      return set_interrupt;
    case ZYDIS_MNEMONIC_LAHF:
      return flags_to_ah;
    case ZYDIS_MNEMONIC_SAHF:
      return ah_to_flags;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
