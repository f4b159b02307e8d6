// SPDX-License-Identifier: Apache-2.0
// Work that one CPU hands to another. A CPU does one job at a time and sleeps with interrupts on
// between them.
#pragma once

#include <cstdint>

#include "guest-payloads/runtime/cpu.h"

namespace hypervet::guest {

// Waits until `cpu` is idle, then gives it ops [first, first + count) or the function, and goes on
// at once.
void hand_over_ops(Cpu& cpu, std::uint32_t first, std::uint32_t count);
void hand_over_function(Cpu& cpu, void (*function)(void* argument, std::uint32_t cpu),
                        void* argument);

// Has `cpu` finished what it was given?
bool is_idle(const Cpu& cpu);
// Waits for that with interrupts on; false: not within that time.
bool wait_until_idle(const Cpu& cpu, std::uint64_t nanoseconds);

// Where application CPUs live: takes jobs for ever.
[[noreturn]] void serve_jobs();

}  // namespace hypervet::guest
