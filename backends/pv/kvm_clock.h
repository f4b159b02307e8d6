// SPDX-License-Identifier: Apache-2.0
// kvmclock: the wall clock and the time pages (msr.rst, MSR_KVM_WALL_CLOCK_NEW and
// MSR_KVM_SYSTEM_TIME_NEW, and their old numbers 0x11 and 0x12).
//
// While the host keeps time with its TSC there is a master clock: every CPU's page holds the same
// pair of TSC and time, and says by a flag that readings of different CPUs may be compared.
// Otherwise each update takes a new pair.
#pragma once

#include <cstdint>

#include "backends/pv/kvm_host.h"

namespace hypervet::pv {

class KvmClock {
 public:
  // host_tsc: the setting host-clock.
  KvmClock(KvmHost& host, bool host_tsc) : host_(host), host_tsc_(host_tsc) {}

  // Never faults: an address outside RAM is ignored, 0 writes nothing.
  void write_wall_clock(unsigned cpu, std::uint64_t value);
  void write_system_time(unsigned cpu, std::uint64_t value, bool old_number);
  // Brings the CPU's time page up to date if that is due.
  void before_entry(unsigned cpu);
  void init_cpu(unsigned cpu);
  // KVM_KVMCLOCK_CTRL for every CPU whose clock is on; the number of these.
  unsigned report_pause();

 private:
  bool has_master() const;
  void update(unsigned cpu);

  KvmHost& host_;
  bool host_tsc_;
};

// Time scale of a time page: nanoseconds = ((ticks << shift) * multiplier) >> 32, a negative shift
// to the right.
struct TimeScale {
  std::uint32_t multiplier = 0;
  std::int8_t shift = 0;
};
TimeScale time_scale(std::uint64_t tsc_khz);

}  // namespace hypervet::pv
