// SPDX-License-Identifier: Apache-2.0
// Steal time: how long a CPU could have run and did not (msr.rst, MSR_KVM_STEAL_TIME), whether it
// is off its processor now, and the TLB flush that another CPU may ask for meanwhile (cpuid.rst,
// KVM_FEATURE_PV_TLB_FLUSH).
#pragma once

#include <cstdint>

#include "backends/pv/kvm_host.h"

namespace hypervet::pv {

class StealTime {
 public:
  explicit StealTime(KvmHost& host) : host_(host) {}

  // False: #GP(0), a reserved bit is set. An address outside RAM is accepted and ignored.
  bool write(unsigned cpu, std::uint64_t value);
  void halted(unsigned cpu);
  // The CPU loses its processor, for at least so long; before_entry() calls before that are none.
  void preempted(unsigned cpu, std::uint64_t at_least_ns = 0);
  // The CPU came from outside the kernel (KVM_RUN): the structure is brought up to date at the next
  // entry.
  void reentered(unsigned cpu) { host_.cpu(cpu).steal.due = true; }
  void before_entry(unsigned cpu);
  void init_cpu(unsigned cpu);

 private:
  void record(unsigned cpu);

  KvmHost& host_;
};

}  // namespace hypervet::pv
