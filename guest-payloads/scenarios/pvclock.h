// SPDX-License-Identifier: Apache-2.0
// Reading a pvclock_vcpu_time_info (Linux, Documentation/virt/kvm/x86/msr.rst,
// MSR_KVM_SYSTEM_TIME_NEW).
#pragma once

#include <cstdint>

namespace hypervet::guest {

inline constexpr std::uint64_t kPvclockSize = 32;

struct PvclockReading {
  bool whole = false;      // false: no consistent look within kMaxLooks
  std::uint64_t torn = 0;  // looks that saw an odd version, or one that changed
  std::uint64_t time = 0;  // system time in nanoseconds
};

inline constexpr unsigned kMaxLooks = 10'000;

// `address` is readable. Any CPU that the area belongs to.
PvclockReading read_pvclock(std::uint64_t address);

}  // namespace hypervet::guest
