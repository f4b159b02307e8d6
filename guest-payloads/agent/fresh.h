// SPDX-License-Identifier: Apache-2.0
// Makes a machine that has run a program as good as newly booted, where programs run one after
// another. Boot CPU, interrupts off, no program under way.
#pragma once

#include <cstdint>

namespace hypervet::guest {

// Zeroes what the next program may use of the arena.
void clear_arena(std::uint64_t size);

// Takes back what a program may have changed: slots, handlers, counts, the window's mappings, local
// APICs, what it registered with the host. False: a CPU is still at work, or something does not go
// back; then the machine is of no more use.
bool make_fresh(bool x2apic);

// Nothing of ours lies in page 0. A device that wraps round the end of the address space reads and
// writes there, and zeroes are what it can do least harm with.
void clear_first_page();

}  // namespace hypervet::guest
