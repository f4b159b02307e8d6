// SPDX-License-Identifier: Apache-2.0
// KVM's MSRs (msr.rst): which there are, what gates each, and whose they are. The behaviour behind
// them is in the part named; MSR_KVM_POLL_CONTROL and MSR_KVM_MIGRATION_CONTROL have none worth a
// file.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/pv/async_page_fault.h"
#include "backends/pv/kvm_clock.h"
#include "backends/pv/kvm_host.h"
#include "backends/pv/pv_eoi.h"
#include "backends/pv/steal_time.h"

namespace hypervet::pv {

struct KvmParts {
  KvmClock& clock;
  StealTime& steal_time;
  PvEoi& pv_eoi;
  AsyncPageFault& async_pf;
};

class KvmMsrs {
 public:
  KvmMsrs(KvmHost& host, KvmParts parts, bool migration_control)
      : host_(host), parts_(parts), migration_control_(migration_control) {}

  // Without the interposer's rdmsr and wrmsr seams. nullopt and false: #GP(0).
  std::optional<std::uint64_t> read(unsigned cpu, std::uint32_t index);
  bool write(unsigned cpu, std::uint32_t index, std::uint64_t value);
  // The MSR reads back this value from now on; nothing else happens.
  void keep(unsigned cpu, std::uint32_t index, std::uint64_t value);

 private:
  bool offered(std::uint32_t index) const;
  std::uint64_t* stored(unsigned cpu, std::uint32_t index);
  std::uint64_t exit_to_user_space(std::uint64_t value, bool write);

  KvmHost& host_;
  KvmParts parts_;
  bool migration_control_;  // user space handles MSR_KVM_MIGRATION_CONTROL
};

}  // namespace hypervet::pv
