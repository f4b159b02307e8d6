// SPDX-License-Identifier: Apache-2.0
// The local APIC of one CPU: xAPIC page and x2APIC MSRs, priorities, EOI, ICR, local vector table
// and the timer in its three modes (Intel SDM vol. 3, chapter 11). The timer counts at 1 GHz, one
// count per tick at divide by 1.
//
// Owned by the machine, which is its ApicHost and outlives it. One machine, one thread. All state
// is in State: copying it out and back is snapshot and restore.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "backends/machine/interrupt_message.h"

namespace hypervet::machine {

inline constexpr std::uint64_t kApicBase = 0xfee0'0000;
inline constexpr std::uint32_t kApicBaseMsr = 0x1b;
inline constexpr std::uint32_t kTscDeadlineMsr = 0x6e0;
inline constexpr std::uint32_t kX2apicFirstMsr = 0x800;
inline constexpr std::uint32_t kX2apicLastMsr = 0x8ff;

// Register offsets in the xAPIC page; the x2APIC MSR is 0x800 + (offset >> 4).
namespace apic {
inline constexpr std::uint32_t kId = 0x20, kVersion = 0x30, kTpr = 0x80, kApr = 0x90, kPpr = 0xa0,
                               kEoi = 0xb0, kLdr = 0xd0, kDfr = 0xe0, kSvr = 0xf0, kIsr = 0x100,
                               kTmr = 0x180, kIrr = 0x200, kEsr = 0x280, kLvtCmci = 0x2f0,
                               kIcr = 0x300, kIcrHigh = 0x310, kLvtTimer = 0x320,
                               kLvtThermal = 0x330, kLvtPerf = 0x340, kLvt0 = 0x350, kLvt1 = 0x360,
                               kLvtError = 0x370, kTimerInitial = 0x380, kTimerCurrent = 0x390,
                               kTimerDivide = 0x3e0, kSelfIpi = 0x3f0;
}  // namespace apic

// What a local APIC asks of the machine. `cpu` is the number given to the constructor.
class ApicHost {
 public:
  virtual ~ApicHost() = default;
  virtual std::uint64_t apic_now() const = 0;  // ticks
  // What the CPU's TSC reads: ticks plus what the guest has added.
  virtual std::uint64_t apic_tsc(unsigned cpu) const = 0;
  // The timer is to call timer_expired() at that tick, or never.
  virtual void apic_set_timer(unsigned cpu, std::optional<std::uint64_t> when) = 0;
  // has_interrupt() may have changed.
  virtual void apic_changed(unsigned cpu) = 0;
  // An ICR write, or the local source of a vector; the machine finds the destinations.
  virtual void apic_send(unsigned cpu, const InterruptMessage& message) = 0;
  // The guest wrote the EOI register: does the vector in service really leave it? (Declared
  // violations say no.)
  virtual bool apic_may_end(unsigned cpu, std::uint8_t vector) = 0;
  // A level-triggered vector was ended: for the IOAPIC.
  virtual void apic_eoi(unsigned cpu, std::uint8_t vector) = 0;
};

using VectorSet = std::array<std::uint32_t, 8>;

class LocalApic {
 public:
  struct State {
    std::uint64_t base_msr = 0;
    std::uint32_t id = 0;  // xAPIC: guest-writable 8 bits
    std::uint32_t tpr = 0, ldr = 0, dfr = 0xffff'ffff, svr = 0xff;
    std::uint32_t esr = 0, esr_pending = 0;
    std::uint32_t icr = 0, icr_high = 0;
    std::uint32_t lvt_cmci = kMasked, lvt_timer = kMasked, lvt_thermal = kMasked,
                  lvt_perf = kMasked, lvt0 = kMasked, lvt1 = kMasked, lvt_error = kMasked;
    std::uint32_t timer_initial = 0, timer_divide = 0;
    std::uint64_t timer_start = 0;  // tick of the present period; one-shot and periodic
    bool timer_running = false;
    std::uint64_t tsc_deadline = 0;  // 0: disarmed
    VectorSet isr{}, irr{}, tmr{};
  };
  static constexpr std::uint32_t kMasked = 1u << 16;

  // cpu is also the APIC id; CPU 0 is the boot processor.
  LocalApic(ApicHost& host, unsigned cpu);
  LocalApic(const LocalApic&) = delete;
  LocalApic& operator=(const LocalApic&) = delete;

  const State& save() const { return state_; }
  void restore(const State& state) { state_ = state; }
  void reset();
  // INIT keeps the APIC base and the id (11.4.7.3).
  void init();

  bool enabled() const { return (state_.base_msr & kEnable) != 0; }
  bool x2apic() const { return (state_.base_msr & (kEnable | kExtended)) == (kEnable | kExtended); }
  bool software_enabled() const { return enabled() && (state_.svr & 0x100) != 0; }
  std::uint32_t apic_id() const;

  // xAPIC page; offset below 4096. In x2APIC mode or disabled the page does not answer (ones,
  // writes lost).
  std::uint32_t mmio_read(std::uint32_t offset);
  void mmio_write(std::uint32_t offset, std::uint32_t value);

  // x2APIC registers, IA32_APIC_BASE and IA32_TSC_DEADLINE. nullopt or false: #GP(0).
  std::optional<std::uint64_t> rdmsr(std::uint32_t msr);
  bool wrmsr(std::uint32_t msr, std::uint64_t value);

  // Register access by offset as the guest in whatever mode: for hypercalls and tests.
  std::uint32_t read_register(std::uint32_t offset);

  std::uint8_t cr8() const { return static_cast<std::uint8_t>(state_.tpr >> 4); }
  void set_cr8(std::uint8_t value);

  // Is this APIC addressed (shorthands are the sender's affair)?
  bool addressed_by(const InterruptMessage& message) const;
  // A fixed interrupt arrives. False if it was not taken: disabled, or an illegal vector.
  bool accept(std::uint8_t vector, bool level);
  bool has_interrupt() const;
  // Moves the highest deliverable vector into service; nothing if has_interrupt() is false.
  std::optional<std::uint8_t> acknowledge();
  // What the EOI register does; also what a cleared PV EOI bit stands for. Returns the vector that
  // ended.
  std::optional<std::uint8_t> end_of_interrupt();
  // The highest vector in service, requested; processor priority.
  std::optional<std::uint8_t> highest_in_service() const;
  std::optional<std::uint8_t> highest_requested() const;
  std::uint8_t processor_priority() const;
  // Number of vectors in service; did this one come level-triggered?
  unsigned in_service_count() const;
  bool level_triggered(std::uint8_t vector) const;

  // Does LINT0 pass the 8259's request on (virtual wire mode)? Also when the APIC is disabled.
  bool accepts_external() const;
  // LINT1 as the NMI pin.
  bool accepts_nmi_pin() const;
  // The event that apic_set_timer asked for.
  void timer_expired();
  // The guest has set the TSC: a TSC deadline is now earlier or later.
  void tsc_changed();

 private:
  static constexpr std::uint64_t kBootProcessor = 1 << 8, kExtended = 1 << 10, kEnable = 1 << 11;

  bool valid_register(std::uint32_t offset) const;
  std::uint32_t read(std::uint32_t offset);
  void write(std::uint32_t offset, std::uint32_t value);
  bool write_x2apic(std::uint32_t offset, std::uint64_t value);
  bool write_base(std::uint64_t value);
  void write_svr(std::uint32_t value);
  void write_lvt_timer(std::uint32_t value);
  std::uint32_t* lvt(std::uint32_t offset);
  void send_icr();
  void raise_error(std::uint32_t bit);
  void fire(std::uint32_t lvt_entry, Origin origin);

  unsigned timer_mode() const { return (state_.lvt_timer >> 17) & 3; }
  std::uint64_t divisor() const;
  std::uint64_t period() const { return std::uint64_t{state_.timer_initial} * divisor(); }
  std::uint32_t current_count() const;
  void arm_timer();
  void disarm_timer();
  void arm_deadline();

  ApicHost& host_;
  unsigned cpu_;
  State state_;
};

}  // namespace hypervet::machine
