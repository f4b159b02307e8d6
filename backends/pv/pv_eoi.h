// SPDX-License-Identifier: Apache-2.0
// PV EOI: the guest ends an interrupt by clearing a bit in memory, without an exit (msr.rst,
// MSR_KVM_EOI_EN).
//
// The host sets the bit at entry when exactly one interrupt could be ended by it, and looks at
// every exit. Still set: it takes the bit back (and gives it again at the next entry). Cleared:
// that was the EOI.
#pragma once

#include <cstdint>

#include "backends/pv/kvm_host.h"

namespace hypervet::pv {

class PvEoi {
 public:
  explicit PvEoi(KvmHost& host) : host_(host) {}

  // False: #GP(0); the word is not 4-byte aligned (bit 1), or is to be enabled outside RAM.
  bool write(unsigned cpu, std::uint64_t value);
  void at_injection(unsigned cpu, std::uint8_t vector);
  void before_entry(unsigned cpu);
  void after_exit(unsigned cpu);
  void init_cpu(unsigned cpu) { host_.cpu(cpu).pv_eoi = {}; }

 private:
  GuestArea word(unsigned cpu, violations::WhenWritten when);
  void end_interrupt(unsigned cpu);

  KvmHost& host_;
};

}  // namespace hypervet::pv
