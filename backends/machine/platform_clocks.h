// SPDX-License-Identifier: Apache-2.0
// What the clocks of a PC read at a moment of the machine's time: the ones that a guest uses where
// no paravirtual clock is offered. Functions without state; any thread. None of them interrupts.
#pragma once

#include <cstdint>

namespace hypervet::machine {

// ACPI PM timer: 24 bits at 3.579545 MHz (ACPI 6.5, 4.8.3.3).
std::uint32_t pm_timer_at(std::uint64_t ns);

// 8254's counter 0 in mode 2 from 65536 down, at 1.193182 MHz: 65535 to 0.
std::uint16_t pit_counter_at(std::uint64_t ns);

// A register of the HPET (IA-PC HPET specification 1.0a, 2.3): capabilities, configuration
// (running) and the main counter, which ticks every 10 ns; all others read 0. `offset` is a
// multiple of 4; size 4 or 8 bytes.
std::uint64_t hpet_at(std::uint64_t ns, std::uint64_t offset, unsigned size);
inline constexpr std::uint64_t kHpetSize = 0x400;

}  // namespace hypervet::machine
