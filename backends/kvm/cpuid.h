// SPDX-License-Identifier: Apache-2.0
// The CPUID that a machine's vCPUs see: what the kernel supports, less what a case takes away, plus
// what the VMM answers for. Functions without state; any thread.
#pragma once

#include <cstdint>

#include "backends/backend.h"
#include "backends/kvm/settings.h"
#include "backends/kvm/system.h"

namespace hypervet::kvm {

// Bits of KVM_CPUID_FEATURES that the VMM, not the kernel, has to offer (cpuid.rst).
inline constexpr unsigned kFeatureMapGpaRange = 16;
inline constexpr unsigned kFeatureMigrationControl = 17;
inline constexpr unsigned kHintRealtime = 0;

inline constexpr std::uint32_t kHypervisorBase = 0x4000'0000;
inline constexpr std::uint32_t kHypervisorStep = 0x100;

// The table for all vCPUs but for the APIC id. `supported` and `hyperv` are System's. A bit in
// configuration.without that names a KVM leaf means that leaf wherever the settings have moved it.
CpuidEntries compose_cpuid(const CpuidEntries& supported, const CpuidEntries& hyperv,
                           const backends::Configuration& configuration, const Settings& settings,
                           bool tsc_deadline);

// Writes one vCPU's APIC id into every leaf that tells it.
void set_apic_id(CpuidEntries& entries, std::uint32_t apic_id, unsigned cpus);

}  // namespace hypervet::kvm
