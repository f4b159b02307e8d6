// SPDX-License-Identifier: Apache-2.0
// Page-table walk on behalf of the host with the rights that a guest's own store would have: for
// hypercall patching, where the hypervisor writes guest code as the guest would. Long-mode tables
// and no paging; no A/D updates. A function without state; call it from the machine's thread.
#pragma once

#include <cstdint>
#include <expected>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/state.h"

namespace hypervet::sim {

struct WalkFault {
  std::uint32_t error_code = 0;
  bool outside_ram = false;  // no page fault: the address leads to no RAM
};

// The guest-physical address for a store at privilege level `cpl`.
std::expected<std::uint64_t, WalkFault> walk_for_write(const machine::GuestMemory& memory,
                                                       const CpuState& state, unsigned cpl,
                                                       std::uint64_t linear);

}  // namespace hypervet::sim
