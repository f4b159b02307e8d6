// SPDX-License-Identifier: Apache-2.0
//
// Transfers that load CS: far JMP and CALL to code segments, RETF, IRET, SYSCALL, SYSRET.
// Call gates and task switches stop the run as unimplemented.
#include "backends/sim/cpu/core.h"

namespace hypervet::sim {
namespace {

bool is_null(std::uint16_t selector) { return (selector & ~3) == 0; }
std::uint32_t selector_error(std::uint16_t selector) { return selector & 0xfffcu; }

Segment flat_segment(std::uint16_t selector, std::uint16_t attributes) {
  return {.selector = selector, .attributes = attributes, .limit = 0xffffffff, .base = 0};
}

}  // namespace

// A target in the segment `cs`, which is about to be loaded.
bool Core::target_valid(const Segment& cs, std::uint64_t& target) const {
  if (lma() && cs.long_mode()) return canonical(target);
  target &= 0xffffffff;
  return target <= cs.limit;
}

bool Core::far_jump(std::uint16_t selector, std::uint64_t target, bool push_return, unsigned size,
                    std::uint64_t return_ip) {
  const std::uint64_t old_top = s.gpr[kRsp];
  const auto push_address = [&] {
    if (!push_return) return true;
    if (push(size, s.segment[kCs].selector) && push(size, return_ip)) return true;
    s.gpr[kRsp] = old_top;
    return false;
  };
  if (real_mode()) {
    if (!push_address()) return false;
    load_real_segment(kCs, selector);
    rip = target & 0xffff;
    return true;
  }
  if (is_null(selector)) return general_protection();
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  const std::uint32_t error = selector_error(selector);
  if (d.system()) return not_implemented("far transfer through a gate or task");
  if (!d.code()) return general_protection(error);
  const unsigned rpl = selector & 3;
  if (d.conforming() ? d.dpl() > cpl : rpl > cpl || d.dpl() != cpl) {
    return general_protection(error);
  }
  if (!d.present()) return fault(kNotPresent, error);
  const auto loaded = static_cast<std::uint16_t>((selector & ~3) | cpl);
  const Segment cs = d.segment(loaded);
  if (lma() && cs.long_mode() && cs.big()) return general_protection(error);
  if (!target_valid(cs, target)) return general_protection();
  if (!mark_accessed(d) || !push_address()) return false;
  s.segment[kCs] = cs;
  update_mode();
  rip = target;
  return true;
}

bool Core::return_to_real(const FarReturn& r, std::uint64_t ip, std::uint64_t cs,
                          std::uint64_t image) {
  set_stack_pointer(s.gpr[kRsp] + (r.with_flags ? 3u : 2u) * r.size + r.release);
  load_real_segment(kCs, static_cast<std::uint16_t>(cs));
  rip = ip & 0xffff;
  if (r.with_flags) {
    set_rflags(merged_flags(image, r.size));
    s.nmi_blocked = false;
    notice_events();
  }
  return true;
}

// The stack segment that a return to another level, or from 64-bit code, loads.
bool Core::returned_stack(std::uint16_t selector, unsigned level, bool to_long, Segment& ss) {
  if (is_null(selector)) {
    if (!to_long || level == 3 || (selector & 3) != level) return general_protection();
    ss = Segment{
        .selector = selector, .attributes = static_cast<std::uint16_t>(level << 5), .limit = 0};
    return true;
  }
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  const std::uint32_t error = selector_error(selector);
  if ((selector & 3u) != level || d.system() || !d.writable() || d.dpl() != level) {
    return general_protection(error);
  }
  if (!d.present()) return fault(kStackFault, error);
  ss = d.segment(selector);
  return mark_accessed(d);
}

bool Core::returned_code(std::uint16_t selector, Segment& cs) {
  if (is_null(selector)) return general_protection();
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  const std::uint32_t error = selector_error(selector);
  const unsigned rpl = selector & 3;
  if (!d.code() || rpl < cpl || (d.conforming() ? d.dpl() > rpl : d.dpl() != rpl)) {
    return general_protection(error);
  }
  if (!d.present()) return fault(kNotPresent, error);
  cs = d.segment(selector);
  if (lma() && cs.long_mode() && cs.big()) return general_protection(error);
  return mark_accessed(d);
}

bool Core::far_return(const FarReturn& r) {
  const std::uint64_t top = s.gpr[kRsp];
  const auto slot = [&](unsigned i, std::uint64_t& value) {
    return load_sized(stack_address(top + i * r.size), r.size, value);
  };
  const unsigned fixed = r.with_flags ? 3 : 2;
  std::uint64_t ip, cs_raw, image = 0;
  if (!slot(0, ip) || !slot(1, cs_raw) || (r.with_flags && !slot(2, image))) return false;
  if (real_mode()) return return_to_real(r, ip, cs_raw, image);
  if (r.with_flags && (s.rflags & rflags::kNt)) {
    return lma() ? general_protection() : not_implemented("IRET to another task");
  }
  if (r.with_flags && !lma() && cpl == 0 && (image & rflags::kVm)) {
    return not_implemented("virtual 8086 mode");
  }

  Segment cs, ss = s.segment[kSs];
  if (!returned_code(static_cast<std::uint16_t>(cs_raw), cs)) return false;
  const unsigned level = cs.selector & 3;
  const bool outward = level > cpl;
  // IRET of 64-bit code always has the stack in its frame.
  const bool pops_stack = outward || (r.with_flags && width == CodeWidth::bits64);
  std::uint64_t new_top = top + fixed * r.size + r.release;
  if (pops_stack) {
    // Only the far return inward of `release` bytes has them below the stack pointer.
    const std::uint64_t at = top + fixed * r.size + r.release;
    std::uint64_t ss_raw;
    if (!load_sized(stack_address(at), r.size, new_top) ||
        !load_sized(stack_address(at + r.size), r.size, ss_raw) ||
        !returned_stack(static_cast<std::uint16_t>(ss_raw), level, lma() && cs.long_mode(), ss)) {
      return false;
    }
    new_top += r.release;
  }
  if (!target_valid(cs, ip)) return general_protection();

  const std::uint64_t merged = r.with_flags ? merged_flags(image, r.size) : 0;
  s.segment[kCs] = cs;
  s.segment[kSs] = ss;
  update_mode();
  // RF comes back with IRET, unlike with POPF.
  if (r.with_flags) {
    set_rflags(merged | (r.size > 2 ? image & rflags::kRf : 0));
    s.nmi_blocked = false;
    notice_events();
  }
  if (pops_stack && width == CodeWidth::bits64) {
    s.gpr[kRsp] = new_top;
  } else {
    set_stack_pointer(new_top);
  }
  if (outward) forget_inner_segments();
  rip = ip;
  return true;
}

// Data segments that the outer level may not use become null.
void Core::forget_inner_segments() {
  for (unsigned name : {kEs, kDs, kFs, kGs}) {
    Segment& segment = s.segment[name];
    const bool conforming_code = (segment.attributes & 0xc) == 0xc;
    if (segment.dpl() < cpl && !conforming_code) {
      segment.selector = 0;
      segment.attributes = 0;
    }
  }
}

// Intel SDM vol. 2, SYSCALL. Only 64-bit code may execute it.
void Core::system_call(std::uint64_t next) {
  if (!(s.efer & efer::kSce) || width != CodeWidth::bits64) {
    fault(kInvalidOpcode);
    return;
  }
  s.gpr[kRcx] = next;
  s.gpr[kR11] = rflags_value() & ~rflags::kRf;
  const auto selector = static_cast<std::uint16_t>((s.star >> 32) & 0xfffc);
  s.segment[kCs] = flat_segment(selector, 0x9b | Segment::kLong | Segment::kGranular);
  s.segment[kSs] = flat_segment(static_cast<std::uint16_t>(selector + 8),
                                0x93 | Segment::kBig | Segment::kGranular);
  set_rflags(rflags_value() & ~(s.sfmask | rflags::kRf));
  update_mode();
  rip = s.lstar;
}

void Core::system_return(bool to_long) {
  if (!(s.efer & efer::kSce) || width != CodeWidth::bits64) {
    fault(kInvalidOpcode);
    return;
  }
  if (cpl != 0 || (to_long && !canonical(s.gpr[kRcx]))) {
    general_protection();
    return;
  }
  const auto base = static_cast<std::uint16_t>(s.star >> 48);
  constexpr std::uint16_t kUser = 3 << 5;
  const auto selector = static_cast<std::uint16_t>((base + (to_long ? 16 : 0)) | 3);
  s.segment[kCs] = flat_segment(
      selector, 0x9b | kUser | Segment::kGranular | (to_long ? Segment::kLong : Segment::kBig));
  s.segment[kSs] = flat_segment(static_cast<std::uint16_t>((base + 8) | 3),
                                0x93 | kUser | Segment::kBig | Segment::kGranular);
  set_rflags(s.gpr[kR11] & ~(rflags::kRf | rflags::kVm));
  update_mode();
  rip = to_long ? s.gpr[kRcx] : s.gpr[kRcx] & 0xffffffff;
}

}  // namespace hypervet::sim
