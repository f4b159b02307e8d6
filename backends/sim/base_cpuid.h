// SPDX-License-Identifier: Apache-2.0
// The processor that the simulator claims to be: its CPUID leaves without those of a hypervisor. It
// offers only what the interpreter executes. Functions without state; any thread may call them.
#pragma once

#include <cstdint>
#include <span>

#include "backends/backend.h"
#include "backends/sim/cpu/platform.h"

namespace hypervet::sim {

enum class CpuVendor : std::uint8_t { intel, amd };

// The virtual TSC and the APIC timer count at 1 GHz.
inline constexpr std::uint64_t kTscKhz = 1'000'000;

// MAXPHYADDR.
inline constexpr unsigned kPhysicalBits = 46;

struct CpuidQuery {
  std::uint32_t leaf = 0;
  std::uint32_t subleaf = 0;
  std::uint32_t apic_id = 0;
  unsigned cpus = 1;
};

// Zero for leaves in the hypervisor range [0x40000000, 0x4fffffff].
CpuidResult base_cpuid(CpuVendor vendor, const CpuidQuery& query);

// Clears the bits that the configuration withholds from this leaf.
void withhold(CpuidResult& result, std::uint32_t leaf, std::span<const backends::CpuidBit> bits);

}  // namespace hypervet::sim
