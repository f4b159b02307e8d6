// SPDX-License-Identifier: Apache-2.0
//
// Control and debug registers: MOV to and from CR and DR, LMSW, SMSW, CLTS.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {

// Intel SDM vol. 3, 2.5 and 4.1.2: what each register refuses.
bool Core::write_cr0(std::uint64_t value) {
  constexpr std::uint64_t kExisting = cr0::kPe | cr0::kMp | cr0::kEm | cr0::kTs | cr0::kEt |
                                      cr0::kNe | cr0::kWp | cr0::kAm | cr0::kNw | cr0::kCd |
                                      cr0::kPg;
  if (value >> 32) return general_protection();
  if ((value & cr0::kPg) && !(value & cr0::kPe)) return general_protection();
  if ((value & cr0::kNw) && !(value & cr0::kCd)) return general_protection();
  value = (value & kExisting) | cr0::kEt;
  const bool was_paging = s.cr0 & cr0::kPg, paging = value & cr0::kPg;
  if (paging && !was_paging) {
    if (!(s.efer & efer::kLme)) return not_implemented("paging without long mode");
    if (!(s.cr4 & cr4::kPae) || s.segment[kCs].long_mode()) return general_protection();
    s.efer |= efer::kLma;
  } else if (was_paging && !paging) {
    if (width == CodeWidth::bits64) return general_protection();
    s.efer &= ~efer::kLma;
  }
  s.cr0 = value;
  flush_translations();
  update_mode();
  return true;
}

bool Core::write_cr3(std::uint64_t value) {
  if (lma() && (value >> physical_bits)) return general_protection();
  s.cr3 = value;
  flush_translations();
  return true;
}

bool Core::write_cr4(std::uint64_t value) {
  // Not there: VME, PVI, LA57, VMXE, PCIDE, OSXSAVE, SMAP, PKE and what came later.
  constexpr std::uint64_t kExisting = cr4::kTsd | cr4::kDe | cr4::kPse | cr4::kPae | cr4::kMce |
                                      cr4::kPge | cr4::kPce | cr4::kOsfxsr | cr4::kOsxmmexcpt |
                                      cr4::kUmip | cr4::kFsgsbase | cr4::kSmep;
  if (value & ~kExisting) return general_protection();
  if (lma() && !(value & cr4::kPae)) return general_protection();
  s.cr4 = value;
  flush_translations();
  return true;
}

namespace {

// op.dst: control register; op.src: general register.
bool write_control(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  const std::uint64_t value = c.reg_sized(op.src, op.size);
  bool done = true;
  switch (op.dst) {
    case 0:
      done = c.write_cr0(value);
      break;
    case 2:
      c.s.cr2 = value;
      break;
    case 3:
      done = c.write_cr3(value);
      break;
    case 4:
      done = c.write_cr4(value);
      break;
    case 8:
      if (value > 15) return c.general_protection();
      c.synchronise();
      c.platform.write_cr8(c.cpu, static_cast<std::uint8_t>(value));
      c.after_platform();
      break;
    default:
      return c.fault(kInvalidOpcode);
  }
  return done && c.leave(op);
}

// op.dst: general register; op.src: control register.
bool read_control(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  std::uint64_t value = 0;
  switch (op.src) {
    case 0:
      value = c.s.cr0;
      break;
    case 2:
      value = c.s.cr2;
      break;
    case 3:
      value = c.s.cr3;
      break;
    case 4:
      value = c.s.cr4;
      break;
    case 8:
      c.synchronise();
      value = c.platform.read_cr8(c.cpu) & 15u;
      c.after_platform();
      break;
    default:
      return c.fault(kInvalidOpcode);
  }
  c.set_reg_sized(op.dst, op.size, value);
  return true;
}

// DR4 and DR5 are names of DR6 and DR7 unless CR4.DE is set.
bool debug_number(Core& c, unsigned number, unsigned& to) {
  to = number;
  if (number != 4 && number != 5) return true;
  if (c.s.cr4 & cr4::kDe) return c.fault(kInvalidOpcode);
  to = number + 2;
  return true;
}

// Breakpoints are stored, but never hit.
bool write_debug(Core& c, const Op& op) {
  unsigned number;
  if (!debug_number(c, op.dst, number) || !c.privileged()) return false;
  const std::uint64_t value = c.reg_sized(op.src, op.size);
  if (number >= 6 && (value >> 32)) return c.general_protection();
  if (number == 6) {
    c.s.dr[6] = (value & 0xe00f) | 0xffff0ff0;
  } else if (number == 7) {
    c.s.dr[7] = (value & 0xffff2fff) | 0x400;
  } else {
    c.s.dr[number] = value;
  }
  return c.leave(op);
}

bool read_debug(Core& c, const Op& op) {
  unsigned number;
  if (!debug_number(c, op.src, number) || !c.privileged()) return false;
  c.set_reg_sized(op.dst, op.size, c.s.dr[number]);
  return true;
}

bool clear_task_switched(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  c.s.cr0 &= ~cr0::kTs;
  return c.leave(op);
}

// The low four bits of CR0; PE can be set, not cleared.
bool load_status_word(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  std::uint64_t value = c.reg<std::uint16_t>(op.dst);
  if (op.memory && !c.load_sized(c.address(op), 2, value)) return false;
  const std::uint64_t merged = (c.s.cr0 & ~std::uint64_t{0xe}) | (value & 0xf);
  return c.write_cr0(merged) && c.leave(op);
}

bool store_status_word(Core& c, const Op& op) {
  if ((c.s.cr4 & cr4::kUmip) && !c.privileged()) return false;
  if (op.memory) return c.store_sized(c.address(op), 2, c.s.cr0 & 0xffff);
  c.set_reg_sized(op.dst, op.size, c.s.cr0);
  return true;
}

Handler select_special_move(const Decoded& d, Op& op, bool& last) {
  // The operand size is that of the mode, whatever prefixes say.
  const auto size = static_cast<std::uint8_t>(d.long_code() ? 8 : 4);
  if (d.is_class(0, ZYDIS_REGCLASS_CONTROL) || d.is_class(0, ZYDIS_REGCLASS_DEBUG)) {
    op.dst = d.number(0);
    op.size = size;
    last = true;
    return d.is_class(0, ZYDIS_REGCLASS_CONTROL) ? write_control : write_debug;
  }
  if (d.is_class(1, ZYDIS_REGCLASS_CONTROL) || d.is_class(1, ZYDIS_REGCLASS_DEBUG)) {
    op.src = d.number(1);
    op.size = size;
    return d.is_class(1, ZYDIS_REGCLASS_CONTROL) ? read_control : read_debug;
  }
  return nullptr;
}

}  // namespace

Handler select_control_register(const Decoded& d, Op& op, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
      return select_special_move(d, op, last);
    case ZYDIS_MNEMONIC_CLTS:
      last = true;
      return clear_task_switched;
    case ZYDIS_MNEMONIC_LMSW:
      last = true;
      return load_status_word;
    case ZYDIS_MNEMONIC_SMSW:
      return store_status_word;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
