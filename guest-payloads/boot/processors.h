// SPDX-License-Identifier: Apache-2.0
// Starts the application processors and gives every CPU its index.
#pragma once

#include <cstdint>

namespace hypervet::guest {

// Boot CPU only, once, with its APIC started. Wakes all others by INIT and start-up IPIs and waits
// for wanted - 1 of them; sets cpus[] and cpu_count to those that came. `enter` is where each goes
// on, interrupts off; it must not return.
void start_processors(std::uint32_t wanted, bool x2apic, void (*enter)());

}  // namespace hypervet::guest
