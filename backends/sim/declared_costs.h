// SPDX-License-Identifier: Apache-2.0
// What the simulator charges for an operation, in ticks, where somebody says so: the way to know
// what a measurement must report. Plain value; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "backends/sim/cpu/cpu.h"

namespace hypervet::sim {

// Ticks that the instruction takes in all; 1, which every instruction takes, if nothing is
// declared.
struct DeclaredCosts {
  std::uint32_t hypercall = 1;
  std::uint32_t cpuid = 1;
  std::uint32_t port_io = 1;
  std::uint32_t mmio = 1;  // accesses to the local APIC's page are among them
  std::uint32_t msr = 1;
  bool operator==(const DeclaredCosts&) const = default;
};

// "hypercall=1000,cpuid=500"; the names are hypercall, cpuid, pio, mmio, msr. The error is one
// line.
std::expected<DeclaredCosts, std::string> parse_costs(std::string_view text);

void charge(const DeclaredCosts& declared, Costs& costs);

}  // namespace hypervet::sim
