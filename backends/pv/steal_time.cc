// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/steal_time.h"

#include <utility>

namespace hypervet::pv {

namespace st = kvm::steal_time;
using violations::Area;
using violations::WhenWritten;

bool StealTime::write(unsigned cpu, std::uint64_t value) {
  if (value & st::kReservedBits) return false;
  StealState& steal = host_.cpu(cpu).steal;
  steal.msr = value;
  steal.enabled = (value & kvm::kMsrEnabled) != 0;
  steal.area = value & ~(st::kReservedBits | kvm::kMsrEnabled);
  steal.registered = steal.due = steal.enabled;
  return true;
}

void StealTime::init_cpu(unsigned cpu) {
  StealState& steal = host_.cpu(cpu).steal;
  steal.msr = 0;
  steal.enabled = steal.due = steal.registered = false;
}

void StealTime::halted(unsigned cpu) {
  StealState& steal = host_.cpu(cpu).steal;
  steal.due = true;  // it will be scheduled in anew
  // A CPU blocked in HLT is not preempted, and its idleness is nobody's theft.
  if (host_.interposer.switched("steal-counts-idle")) steal.away_since_ns = host_.services.now_ns();
}

void StealTime::preempted(unsigned cpu, std::uint64_t at_least_ns) {
  StealState& steal = host_.cpu(cpu).steal;
  steal.due = true;
  const std::uint64_t now = host_.services.now_ns();
  if (!steal.away_since_ns) steal.away_since_ns = now;
  steal.away_until_ns = now + at_least_ns;
  if (!steal.enabled || steal.preempted) return;
  GuestArea area(host_, Area::kStealTime, cpu, WhenWritten::kUpdate, steal.area, st::kSize);
  steal.preempted = area.put("preempted", st::kPreempted, st::kVcpuPreempted);
}

void StealTime::before_entry(unsigned cpu) {
  StealState& steal = host_.cpu(cpu).steal;
  if (steal.away_since_ns && host_.services.now_ns() < steal.away_until_ns) return;
  if (steal.away_since_ns)
    steal.waited_ns += host_.services.now_ns() - *std::exchange(steal.away_since_ns, std::nullopt);
  if (std::exchange(steal.due, false) && steal.enabled) record(cpu);
}

void StealTime::record(unsigned cpu) {
  StealState& steal = host_.cpu(cpu).steal;
  const auto when =
      std::exchange(steal.registered, false) ? WhenWritten::kRegister : WhenWritten::kUpdate;
  if (!host_.is_ram(steal.area, st::kSize)) return;
  GuestArea area(host_, Area::kStealTime, cpu, when, steal.area, st::kSize);

  const std::uint64_t asked = area.get(st::kPreempted);
  area.put("preempted", st::kPreempted, 0);
  steal.preempted = false;
  if ((asked & st::kFlushTlb) && host_.cpuid.usable(kvm::kPvTlbFlush) &&
      !host_.interposer.switched("pv-tlb-flush-ignored"))
    host_.services.flush_tlb(cpu);

  std::uint64_t version = area.get(st::kVersion);
  version += (version & 1) + 1;  // odd: being written; old memory may hold anything
  area.put("version", st::kVersion, version);
  // Added to what the guest's memory holds. The first update brings all that was waited so far,
  // before the guest registered too.
  area.put("steal", st::kSteal, area.get(st::kSteal) + steal.waited_ns - steal.reported_ns);
  steal.reported_ns = steal.waited_ns;
  area.put("version", st::kVersion, version + 1);
  // flags and the padding are never written, in Linux.
  if (host_.interposer.switched("steal-flags-set")) area.put("flags", st::kFlags, 1);
}

}  // namespace hypervet::pv
