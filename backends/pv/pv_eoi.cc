// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/pv_eoi.h"

namespace hypervet::pv {

using violations::Area;
using violations::EoiKind;
using violations::WhenWritten;

GuestArea PvEoi::word(unsigned cpu, WhenWritten when) {
  return {host_, Area::kPvEoi, cpu, when, host_.cpu(cpu).pv_eoi.area, kvm::pv_eoi::kSize};
}

bool PvEoi::write(unsigned cpu, std::uint64_t value) {
  const std::uint64_t area = value & ~kvm::kMsrEnabled;
  const bool enable = (value & kvm::kMsrEnabled) != 0;
  if (area % kvm::pv_eoi::kSize != 0) return false;
  if (enable && !host_.is_ram(area, kvm::pv_eoi::kFlag.size)) return false;
  PvEoiState& eoi = host_.cpu(cpu).pv_eoi;
  eoi.msr = value;
  eoi.area = area;
  eoi.enabled = enable;
  if (!enable) eoi.pending = false;
  return true;
}

void PvEoi::at_injection(unsigned cpu, std::uint8_t vector) {
  host_.cpu(cpu).pv_eoi.latest = vector;
  before_entry(cpu);
}

void PvEoi::before_entry(unsigned cpu) {
  PvEoiState& eoi = host_.cpu(cpu).pv_eoi;
  if (!eoi.enabled || eoi.pending || !eoi.latest) return;
  const ApicView apic = host_.services.apic(cpu);
  if (apic.in_service == 0 || apic.highest != *eoi.latest) {
    // An interrupt was ended since: Linux gives the bit only to the one it injected last.
    eoi.latest.reset();
    return;
  }
  // Another one waits: only a real EOI makes the host look at once. Level-triggered: the I/O APIC
  // needs the EOI.
  if (apic.requested || apic.needs_real_eoi) return;
  // As the document has it, bit 0 alone; Linux writes the whole low byte.
  GuestArea area = word(cpu, WhenWritten::kInject);
  area.put("flag", kvm::pv_eoi::kFlag, area.get(kvm::pv_eoi::kFlag) | kvm::pv_eoi::kEoiByWord);
  eoi.pending = (area.get(kvm::pv_eoi::kFlag) & kvm::pv_eoi::kEoiByWord) != 0;
}

void PvEoi::after_exit(unsigned cpu) {
  PvEoiState& eoi = host_.cpu(cpu).pv_eoi;
  if (!eoi.enabled) return;
  if (!eoi.pending) {
    if (host_.services.apic(cpu).in_service != 0 && host_.interposer.switched("pv-eoi-implied"))
      end_interrupt(cpu);
    return;
  }
  eoi.pending = false;
  GuestArea area = word(cpu, WhenWritten::kUpdate);
  const std::uint64_t flag = area.get(kvm::pv_eoi::kFlag);
  if (flag & kvm::pv_eoi::kEoiByWord)
    area.put("flag", kvm::pv_eoi::kFlag, flag & ~std::uint64_t{kvm::pv_eoi::kEoiByWord});
  else
    end_interrupt(cpu);
}

void PvEoi::end_interrupt(unsigned cpu) {
  const ApicView apic = host_.services.apic(cpu);
  host_.cpu(cpu).pv_eoi.latest.reset();
  if (apic.in_service == 0) return;
  if (host_.interposer.end_of_interrupt(EoiKind::kPvEoi, cpu, apic.highest))
    host_.services.end_of_interrupt(cpu);
}

}  // namespace hypervet::pv
