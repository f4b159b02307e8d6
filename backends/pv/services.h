// SPDX-License-Identifier: Apache-2.0
// What a paravirtual model asks of the machine around it: memory, interrupts, the scheduler, time.
// The machine implements it; the model calls it from inside its own member functions, in the
// machine's one thread. Nothing here is called back from within: a Services function must not call
// the model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "backends/violations/events.h"

namespace hypervet::pv {

// VMCALL belongs to Intel, VMMCALL to AMD.
enum class HypercallOpcode : std::uint8_t { kVmcall, kVmmcall };

// The local APIC as PV EOI needs to see it.
struct ApicView {
  bool enabled = true;          // software-enabled (SVR bit 8)
  unsigned in_service = 0;      // number of vectors in service (ISR)
  std::uint8_t highest = 0;     // highest of them; meaningless if none
  bool requested = false;       // any vector waits for delivery (IRR)
  bool needs_real_eoi = false;  // the highest came level-triggered: an I/O APIC waits for its EOI
};

class Services {
 public:
  virtual ~Services() = default;

  // --- Guest memory. Guest-physical addresses, all of them guest-controlled: false, and nothing
  // done, if any byte is not RAM. Absent pages are read and written like others: the model runs on
  // the host's side.
  virtual bool read(std::uint64_t gpa, std::span<std::uint8_t> to) = 0;
  virtual bool write(std::uint64_t gpa, std::span<const std::uint8_t> from) = 0;
  // The same, but the dirty log is not told (a declared violation).
  virtual bool write_unlogged(std::uint64_t gpa, std::span<const std::uint8_t> from) {
    return write(gpa, from);
  }
  // Writes code at a linear address with the CPU's current rights, as the guest itself would
  // (hypercall patching). The page fault that the guest would get, or nothing.
  virtual std::optional<violations::Fault> write_linear(unsigned cpu, std::uint64_t address,
                                                        std::span<const std::uint8_t> from) = 0;

  // --- CPUs.
  virtual unsigned cpus() const = 0;
  virtual std::uint32_t apic_id(unsigned cpu) const = 0;
  virtual std::optional<unsigned> cpu_of(std::uint32_t apic_id) const = 0;
  // The hypercall instruction of the vendor that CPUID leaf 0 names.
  virtual HypercallOpcode native_opcode() const = 0;
  virtual unsigned cpl(unsigned cpu) const = 0;
  // RFLAGS.IF, no interrupt shadow and no event waiting for injection: an interrupt would be taken
  // now.
  virtual bool interrupts_open(unsigned cpu) const = 0;
  virtual bool is_halted(unsigned cpu) const = 0;
  // Drops every translation that the CPU has cached (KVM_VCPU_FLUSH_TLB).
  virtual void flush_tlb(unsigned cpu) = 0;

  // --- Events. The model has already passed them through the interposer: deliver them as they are.
  // The source is for the machine's log alone.
  virtual void deliver_interrupt(unsigned cpu, std::uint8_t vector, violations::DeliveryMode mode,
                                 violations::Source source) = 0;
  // A halted CPU becomes runnable, also with IF = 0; where it is not halted, its next HLT falls
  // through at once.
  virtual void wake(unsigned cpu) = 0;
  // The caller gives its time slice to that CPU. A hint.
  virtual void yield_to(unsigned cpu) = 0;
  // The processor under this CPU does other work for that long: virtual time passes, the CPU does
  // not execute.
  virtual void stall(unsigned cpu, std::uint64_t ns) = 0;

  // --- Local APIC.
  virtual ApicView apic(unsigned cpu) const = 0;
  // The highest vector in service leaves service, as by a write to the EOI register. Already
  // interposed.
  virtual void end_of_interrupt(unsigned cpu) = 0;

  // --- Time. Virtual and deterministic; all of it continues across a snapshot with the machine's
  // own state.
  virtual std::uint64_t now_ns() const = 0;           // since the machine was created
  virtual std::uint64_t tsc(unsigned cpu) const = 0;  // as the guest's RDTSC would read it now
  // What the guest's own writes to IA32_TSC or IA32_TSC_ADJUST have added to that CPU's TSC. The
  // model assumes that without them all CPUs count together.
  virtual std::uint64_t tsc_offset(unsigned) const { return 0; }
  virtual std::uint64_t tsc_khz() const = 0;
  virtual std::uint64_t wall_clock_ns() const = 0;  // the host's CLOCK_REALTIME now, since 1970

  // --- Paging by the host: the CPU will, or will no longer, ask KvmModel::touched_absent() at the
  // page's next access. False: not RAM.
  virtual bool set_absent(std::uint64_t page_gpa, bool absent) = 0;
};

}  // namespace hypervet::pv
