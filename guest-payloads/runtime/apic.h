// SPDX-License-Identifier: Apache-2.0
// The local APIC of the CPU that calls, in xAPIC or x2APIC mode (SDM vol. 3, chapter 11). Registers
// go by their xAPIC offset in both modes.
#pragma once

#include <cstdint>

namespace hypervet::guest {

inline constexpr std::uint64_t kApicBase = 0xfee0'0000;
inline constexpr std::uint32_t kMsrApicBase = 0x1b;
inline constexpr std::uint64_t kApicBaseX2 = 1u << 10, kApicBaseEnable = 1u << 11;
inline constexpr std::uint32_t kMsrX2Apic = 0x800;  // + offset / 16

inline constexpr std::uint32_t kApicId = 0x20, kApicTpr = 0x80, kApicEoi = 0xb0,
                               kApicSpurious = 0xf0, kApicIsr = 0x100, kApicIrr = 0x200,
                               kApicIcrLow = 0x300, kApicIcrHigh = 0x310, kApicLvtTimer = 0x320,
                               kApicLvt0 = 0x350, kApicLvt1 = 0x360, kApicLvtError = 0x370,
                               kApicTimerInitial = 0x380, kApicTimerCurrent = 0x390,
                               kApicTimerDivide = 0x3e0;

inline constexpr std::uint32_t kLvtMasked = 1u << 16;

// Low words of the ICR (SDM vol. 3, figure 11-12).
inline constexpr std::uint32_t kIcrAssert = 1u << 14, kIcrInit = 5u << 8, kIcrStartup = 6u << 8,
                               kIcrSelf = 1u << 18, kIcrAllButSelf = 3u << 18;

std::uint32_t apic_read(std::uint32_t offset);
void apic_write(std::uint32_t offset, std::uint32_t value);
void send_icr(std::uint32_t low, std::uint32_t destination);
void end_of_interrupt();
bool in_service(std::uint8_t vector);
bool requested(std::uint8_t vector);

// Counts of the one-shot timer in so many nanoseconds, told by the TSC in `measured` of them; 0: it
// stands still. The timer is stopped after.
std::uint64_t timer_counts(std::uint64_t nanoseconds, std::uint64_t measured);
void stop_timer();

// Switches the APIC on in the mode wanted, masks what firmware may have left open, notes mode and
// id in this_cpu().
void start_apic(bool x2apic);
// Notes the mode that the APIC is in and prepares its registers again: for after a change of the
// mode.
void settle_apic();
// Back to what start_apic() left, whatever mode and state the APIC is in: its timer is stopped.
void restart_apic(bool x2apic);

}  // namespace hypervet::guest
