// SPDX-License-Identifier: Apache-2.0
// Reference model of KVM's paravirtual interface on x86: CPUID leaves, MSRs, hypercalls, and what
// the host does by itself (clock pages, steal time, PV EOI, asynchronous page faults). It behaves
// as Linux 6.12 does; where document and kernel differ it follows the kernel and says so at the
// place.
//
// A machine owns one model; configuration, services and interposer must outlive it. All calls come
// from the machine's thread. What the guest writes is read once and bounded; nothing it does makes
// the model throw.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "backends/backend.h"
#include "backends/pv/kvm_state.h"
#include "backends/pv/services.h"
#include "backends/violations/interposer.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/observation.h"

namespace hypervet::pv {

// Who calls, as the processor knows it.
struct Caller {
  unsigned cpu = 0;
  unsigned cpl = 0;
  bool long_mode = true;         // EFER.LMA and CS.L
  std::uint64_t linear_rip = 0;  // CS base + RIP: where the instruction's three bytes lie
};

// What happens to a CPU that touched a page which the host has taken away.
struct AbsentAnswer {
  enum class Action : std::uint8_t {
    kPresent,  // the page is there (again): go on
    kWait,     // try again later, RIP stays; before_entry() or a page-in ends the wait
    kInject,   // deliver `fault`, a #PF
  };
  Action action = Action::kPresent;
  violations::Fault fault{};
};

struct HostAnswer {
  protocol::HostStatus status = protocol::HostStatus::kDone;
  std::uint64_t result = 0;
};

// Why a CPU stops executing: it executed HLT, or other work took its processor.
enum class OffCpu : std::uint8_t { kHalted, kPreempted };

class KvmModel {
 public:
  KvmModel(const backends::Configuration& configuration, Services& services,
           violations::Interposer& interposer);
  ~KvmModel();
  KvmModel(const KvmModel&) = delete;
  KvmModel& operator=(const KvmModel&) = delete;

  // --- Instructions. Results have passed the interposer: carry them out as they are.
  // Every leaf goes through here, also those that are none of KVM's: `base` is what the machine has
  // there.
  violations::CpuidLeaf cpuid(unsigned cpu, std::uint32_t leaf, std::uint32_t subleaf,
                              const violations::CpuidLeaf& base);
  // Does the model answer for this MSR? It may answer with #GP(0).
  static bool owns_msr(std::uint32_t index);
  std::optional<std::uint64_t> rdmsr(unsigned cpu, std::uint32_t index);  // nullopt: #GP(0)
  bool wrmsr(unsigned cpu, std::uint32_t index, std::uint64_t value);     // false: #GP(0)
  // VMCALL or VMMCALL, at any privilege level. On return without fault set all of `registers` but
  // RIP and RSP, then move RIP by `advance`; 0 means that the opcode was patched and executes
  // again.
  violations::HypercallResult hypercall(const Caller& caller, HypercallOpcode opcode,
                                        const protocol::RegisterFile& registers);

  // --- The host's side of a CPU's life.
  // Before a CPU executes (each time slice, and after after_exit()): due clock updates, steal time,
  // page-ready notifications, the PV EOI bit. Cheap when nothing is due.
  void before_entry(unsigned cpu);
  // The host has control of the CPU: it trapped, its slice ended, or another CPU sends it an
  // interrupt. Must come before the local APIC decides by priority what to deliver: it may find
  // that the guest has signalled a PV EOI.
  void after_exit(unsigned cpu);
  // The CPU stops executing for a while. A time slice of the machine's own round robin is not the
  // end of anything: call it when the CPU halts, or when it is kept off its processor although it
  // could run.
  void descheduled(unsigned cpu, OffCpu why = OffCpu::kHalted);
  // The local APIC has moved a vector into service and the CPU enters its handler: like
  // before_entry() for PV EOI.
  void at_injection(unsigned cpu, std::uint8_t vector);
  // INIT or RESET of one CPU: the MSRs that it clears are cleared.
  void init_cpu(unsigned cpu);
  // Earliest virtual time at which the model sends something by itself, if there is one: an idle
  // machine skips to it and calls host_work(). None: nothing here ever ends the machine's idleness.
  std::optional<std::uint64_t> next_event_ns() const;
  // Does for all CPUs what is due by now; before_entry() calls it too.
  void host_work();

  // --- Absent pages.
  AbsentAnswer touched_absent(unsigned cpu, std::uint64_t gpa, bool write);

  // --- Host verbs. kUnknownVerb for those that are not the model's (kRaiseMsi is the machine's).
  static bool has(protocol::HostVerb verb);
  HostAnswer host_verb(unsigned cpu, protocol::HostVerb verb,
                       const std::array<std::uint64_t, 4>& arguments);

  // --- Snapshots: a plain copy. The machine saves its memory and time with it, and restores them
  // first: restore() marks the absent pages again.
  const KvmState& state() const;
  void restore(const KvmState& state);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hypervet::pv
