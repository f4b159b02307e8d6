// SPDX-License-Identifier: Apache-2.0
//
// Descriptors and segment registers (Intel SDM vol. 3, chapter 3). Limits of data segments are not
// enforced: long mode has none, and protected mode is meant to be flat.
#include "backends/sim/cpu/core.h"

namespace hypervet::sim {
namespace {

constexpr std::uint16_t kIndexMask = 0xfff8, kTableBit = 4;
constexpr std::uint64_t kAccessedBit = std::uint64_t{1} << 40;
constexpr std::uint64_t kBusyBit = std::uint64_t{1} << 41;

bool is_null(std::uint16_t selector) { return (selector & ~3) == 0; }
std::uint32_t selector_error(std::uint16_t selector) { return selector & 0xfffcu; }

}  // namespace

Segment Core::Descriptor::segment(std::uint16_t selector) const {
  Segment to;
  to.selector = selector;
  to.attributes = static_cast<std::uint16_t>(((low >> 40) & 0xff) | ((low >> 40) & 0xf000));
  to.base = ((low >> 16) & 0xffffff) | ((low >> 56) << 24);
  to.limit = static_cast<std::uint32_t>((low & 0xffff) | ((low >> 32) & 0xf0000));
  if (to.attributes & Segment::kGranular) to.limit = (to.limit << 12) | 0xfff;
  return to;
}

bool Core::read_descriptor(std::uint16_t selector, Descriptor& to, std::uint32_t external,
                           std::uint8_t vector) {
  const bool local = selector & kTableBit;
  const std::uint64_t base = local ? s.ldtr.base : s.gdtr.base;
  const std::uint64_t limit = local ? s.ldtr.limit : s.gdtr.limit;
  const std::uint64_t index = selector & kIndexMask;
  if (index + 7 > limit || (local && !s.ldtr.present())) {
    return fault(vector, selector_error(selector) | external);
  }
  to.at = base + index;
  return load_system(to.at, 8, to.low);
}

bool Core::mark_accessed(const Descriptor& d) {
  return (d.low & kAccessedBit) || store_system(d.at, 8, d.low | kAccessedBit);
}

void Core::load_real_segment(unsigned name, std::uint16_t selector) {
  s.segment[name].selector = selector;
  s.segment[name].base = std::uint64_t{selector} << 4;
  if (name == kCs || name == kSs) update_mode();
}

bool Core::load_segment(unsigned name, std::uint16_t selector) {
  if (real_mode()) {
    load_real_segment(name, selector);
    return true;
  }
  const unsigned rpl = selector & 3;
  if (is_null(selector)) {
    if (name == kSs && !(width == CodeWidth::bits64 && cpl != 3 && rpl == cpl)) {
      return general_protection();
    }
    s.segment[name] = Segment{.selector = selector, .limit = 0};
    // SS keeps its DPL: it is the CPL that an entry at the same level needs.
    if (name == kSs) s.segment[name].attributes = static_cast<std::uint16_t>(cpl << 5);
    return true;
  }
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  const std::uint32_t error = selector_error(selector);
  if (name == kSs) {
    if (rpl != cpl || !d.writable() || d.system() || d.dpl() != cpl) {
      return general_protection(error);
    }
    if (!d.present()) return fault(kStackFault, error);
  } else {
    if (d.system() || !d.readable()) return general_protection(error);
    const bool checks_level = !d.code() || !d.conforming();
    if (checks_level && (rpl > d.dpl() || cpl > d.dpl())) return general_protection(error);
    if (!d.present()) return fault(kNotPresent, error);
  }
  if (!mark_accessed(d)) return false;
  s.segment[name] = d.segment(selector);
  return true;
}

bool Core::load_task_register(std::uint16_t selector) {
  const std::uint32_t error = selector_error(selector);
  if (is_null(selector)) return general_protection();
  if (selector & kTableBit) return general_protection(error);
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  constexpr unsigned kAvailableTss = 9;
  if (!d.system() || d.type() != kAvailableTss) return general_protection(error);
  if (!d.present()) return fault(kNotPresent, error);
  if (lma()) {
    if ((selector & kIndexMask) + 15u > s.gdtr.limit) return general_protection(error);
    if (!load_system(d.at + 8, 8, d.high)) return false;
  }
  if (!store_system(d.at, 8, d.low | kBusyBit)) return false;
  s.tr = d.segment(selector);
  s.tr.attributes |= 2;
  if (lma()) s.tr.base |= (d.high & 0xffffffff) << 32;
  return true;
}

bool Core::load_local_table(std::uint16_t selector) {
  const std::uint32_t error = selector_error(selector);
  if (is_null(selector)) {
    s.ldtr = Segment{.selector = selector, .limit = 0};
    return true;
  }
  if (selector & kTableBit) return general_protection(error);
  Descriptor d;
  if (!read_descriptor(selector, d)) return false;
  constexpr unsigned kLocalTable = 2;
  if (!d.system() || d.type() != kLocalTable) return general_protection(error);
  if (!d.present()) return fault(kNotPresent, error);
  if (lma() && !load_system(d.at + 8, 8, d.high)) return false;
  s.ldtr = d.segment(selector);
  if (lma()) s.ldtr.base |= (d.high & 0xffffffff) << 32;
  return true;
}

void Core::update_mode() {
  const Segment& cs = s.segment[kCs];
  CodeWidth now;
  if (lma() && cs.long_mode()) {
    now = CodeWidth::bits64;
  } else {
    now = cs.big() && !real_mode() ? CodeWidth::bits32 : CodeWidth::bits16;
  }
  cpl = real_mode() ? 0 : static_cast<std::uint8_t>(cs.selector & 3);
  tlb = &banks[cpl == 3];
  // The base of CS, or the bank of cached pages, may be another one.
  code_page = nullptr;
  if (now == width) return;
  width = now;
  for (CodeTlbBank& bank : code_banks) bank.flush();
}

}  // namespace hypervet::sim
