// SPDX-License-Identifier: Apache-2.0
// The ioctls whose argument is a count and an array. The kernel's header declares them with a
// flexible array member, which in C++ changes the size that is part of the request's number; so
// they are laid out here, as the ABI has them.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/kvm/ioctl.h"

namespace hypervet::kvm {

using CpuidEntries = std::vector<kvm_cpuid_entry2>;

// KVM's own bound (KVM_MAX_CPUID_ENTRIES) on a table.
inline constexpr std::size_t kMaxCpuidEntries = 256;

struct CpuidTable {  // struct kvm_cpuid2
  std::uint32_t count = 0;
  std::uint32_t padding = 0;
  kvm_cpuid_entry2 entries[kMaxCpuidEntries];
};
static_assert(offsetof(CpuidTable, entries) == 8 && sizeof(kvm_cpuid_entry2) == 40);

struct MsrTable {  // struct kvm_msrs
  std::uint32_t count = 1;
  std::uint32_t padding = 0;
  kvm_msr_entry entry{};
};
static_assert(offsetof(MsrTable, entry) == 8 && sizeof(MsrTable) == 24);

// The size in the number is that of the count alone.
constexpr Request table_request(unsigned direction, unsigned number, const char* name) {
  return {_IOC(direction, KVMIO, number, 8), name};
}
inline constexpr Request kGetSupportedCpuid =
    table_request(_IOC_READ | _IOC_WRITE, 0x05, "KVM_GET_SUPPORTED_CPUID");
inline constexpr Request kGetSupportedHvCpuid =
    table_request(_IOC_READ | _IOC_WRITE, 0xc1, "KVM_GET_SUPPORTED_HV_CPUID");
inline constexpr Request kSetCpuid2 = table_request(_IOC_WRITE, 0x90, "KVM_SET_CPUID2");
inline constexpr Request kGetMsrs = table_request(_IOC_READ | _IOC_WRITE, 0x88, "KVM_GET_MSRS");

}  // namespace hypervet::kvm
