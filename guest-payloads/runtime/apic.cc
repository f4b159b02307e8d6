// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/apic.h"

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {
constexpr std::uint32_t kSoftwareEnable = 1u << 8;
constexpr std::uint32_t kFarCount = 0x7fff'ff00;

// A bit of the 256 in one of the registers that come in eighths (SDM vol. 3, figure 11-20).
bool vector_bit(std::uint32_t first, std::uint8_t vector) {
  return apic_read(first + (vector / 32u) * 0x10) >> (vector % 32) & 1;
}

}  // namespace

std::uint32_t apic_read(std::uint32_t offset) {
  if (this_cpu().x2apic) return static_cast<std::uint32_t>(rdmsr(kMsrX2Apic + (offset >> 4)));
  return mmio_read32(kApicBase + offset);
}

void apic_write(std::uint32_t offset, std::uint32_t value) {
  if (this_cpu().x2apic) {
    wrmsr(kMsrX2Apic + (offset >> 4), value);
  } else {
    mmio_write32(kApicBase + offset, value);
  }
}

void send_icr(std::uint32_t low, std::uint32_t destination) {
  if (this_cpu().x2apic) {
    wrmsr(kMsrX2Apic + (kApicIcrLow >> 4), std::uint64_t{destination} << 32 | low);
  } else {
    mmio_write32(kApicBase + kApicIcrHigh, destination << 24);
    mmio_write32(kApicBase + kApicIcrLow, low);
  }
}

void end_of_interrupt() { apic_write(kApicEoi, 0); }

bool in_service(std::uint8_t vector) { return vector_bit(kApicIsr, vector); }
bool requested(std::uint8_t vector) { return vector_bit(kApicIrr, vector); }

std::uint64_t timer_counts(std::uint64_t nanoseconds, std::uint64_t measured) {
  apic_write(kApicTimerInitial, kFarCount);
  const Deadline deadline(measured);
  while (!deadline.passed()) pause();
  const std::uint64_t passed = kFarCount - apic_read(kApicTimerCurrent);
  apic_write(kApicTimerInitial, 0);
  const std::uint64_t elapsed = deadline.elapsed();
  return elapsed == 0 ? 0 : passed * nanoseconds / elapsed;
}

void stop_timer() {
  apic_write(kApicLvtTimer, kLvtMasked);
  apic_write(kApicTimerInitial, 0);
}

void settle_apic() {
  Cpu& cpu = this_cpu();
  cpu.x2apic = (rdmsr(kMsrApicBase) & kApicBaseX2) != 0;
  const std::uint32_t id = apic_read(kApicId);
  cpu.apic_id = cpu.x2apic ? id : id >> 24;
  // Reset leaves LVT0 masked, firmware opens it for the PIC.
  apic_write(kApicLvt0, kLvtMasked);
  apic_write(kApicLvt1, kLvtMasked);
  apic_write(kApicTpr, 0);
  apic_write(kApicSpurious, kSoftwareEnable | protocol::kSpuriousVector);
}

void start_apic(bool x2apic) {
  const std::uint64_t base = rdmsr(kMsrApicBase);
  const std::uint64_t wanted = base | kApicBaseEnable | (x2apic ? kApicBaseX2 : 0);
  if (wanted != base) wrmsr(kMsrApicBase, wanted);
  settle_apic();
}

void restart_apic(bool x2apic) {
  constexpr std::uint64_t kModes = kApicBaseEnable | kApicBaseX2;
  const std::uint64_t base = rdmsr(kMsrApicBase);
  const std::uint64_t place = (base & 0xf00 & ~kModes) | kApicBase;  // the boot CPU's bit stays
  const std::uint64_t wanted = place | kApicBaseEnable | (x2apic ? kApicBaseX2 : 0);
  if (base != wanted) {
    // Every way between the modes leads through "off" or xAPIC (SDM vol. 3, figure 11-9).
    if ((base & kApicBaseX2) != 0) wrmsr(kMsrApicBase, place);
    wrmsr(kMsrApicBase, place | kApicBaseEnable);
    if (x2apic) wrmsr(kMsrApicBase, wanted);
  }
  settle_apic();
  stop_timer();
  apic_write(kApicTimerDivide, 0);
  apic_write(kApicLvtError, kLvtMasked);
}

}  // namespace hypervet::guest
