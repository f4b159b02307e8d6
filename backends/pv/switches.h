// SPDX-License-Identifier: Apache-2.0
// The model's named switches: violations that no seam can express, each with the clause that it
// breaks and why no seam does. The one table; the model asks for a switch by the name that stands
// here, at one place.
#pragma once

#include <algorithm>
#include <string_view>

namespace hypervet::pv {

struct Switch {
  std::string_view name;
  std::string_view clause;  // that it breaks
  std::string_view what;    // the model then does
  std::string_view why;     // no seam can express it
};

inline constexpr Switch kSwitches[] = {
    {"steal-counts-idle", "kvm.steal-time.idle-not-counted", "time spent in HLT counts as stolen",
     "the amount depends on how long the CPU was halted, a rule's numbers are constant"},
    {"steal-flags-set", "kvm.steal-time.flags-zero", "an update writes 1 into flags",
     "the host never writes that field, so no rule at the memory seam meets it"},
    {"pv-tlb-flush-ignored", "kvm.tlb-flush.requested-flush-done",
     "the request in steal-time.preempted is cleared but no translation is dropped",
     "the flush passes no seam"},
    {"pv-eoi-implied", "kvm.pv-eoi.zero-needs-real-eoi",
     "a clear bit counts as an EOI although the host had not set it",
     "it is an EOI that nobody signalled, so none passes the apic seam"},
    {"apf-survives-disable", "kvm.async-pf.disable-drops",
     "pages outstanding when the feature is disabled are still reported",
     "wrmsr with keep would leave the whole feature on"},
    {"apf-ready-overwrites", "kvm.async-pf.one-ready-at-a-time",
     "the next token is written although the last one is still there",
     "the order of two events, not the content of one"},
    {"apf-ready-before-page", "kvm.async-pf.page-ready",
     "the page is reported ready and touching it faults again", "the page's state passes no seam"},
    {"apf-flags-on-regular-fault", "kvm.async-pf.regular-fault-has-flags-zero",
     "enabling leaves flags at 1, so the next ordinary #PF looks like one of the host's",
     "no write of the host's happens there for a rule to change"},
    {"kick-forgotten", "kvm.kick-cpu.not-lost-before-halt",
     "a kick wakes a halted CPU only; one that comes before HLT is lost",
     "the interrupt seam does not know whether the CPU is halted"},
    {"send-ipi-high-half-at", "kvm.send-ipi.high-half-at-64",
     "bit 0 of the second mask is that many ids behind the lowest (amount; 32 without)",
     "the distance is not an argument of the call"},
    {"foreign-opcode-hangs", "kvm.hypercall.foreign-opcode-patched",
     "the other vendor's opcode executes again for ever, unpatched",
     "a result with advance 0 has already patched the opcode"},
    {"foreign-opcode-unpatched", "kvm.hypercall.foreign-opcode-patched",
     "the call is carried out, the bytes stay",
     "code bytes are not a structure of the memory seam"},
    {"patches-despite-quirk-off", "kvm.hypercall.foreign-opcode-faults",
     "the opcode is rewritten although the quirk is off",
     "the hypercall seam can undo the fault but writes no code"},
    {"dirty-log-empty", "kvm.dirty-log.guest-writes", "no reading of the dirty log has a page",
     "the log is the machine's and passes no seam; only the host's own writes do"},
    {"dirty-log-keeps", "kvm.dirty-log.reading-clears",
     "a reading of the dirty log has the pages of all earlier ones too",
     "the log is the machine's and passes no seam"},
    {"dirty-log-all", "kvm.dirty-log.only-written", "every reading of the dirty log has every page",
     "the log is the machine's and passes no seam"},
    {"init-keeps-msrs", "kvm.msr.init-clears", "INIT leaves the CPU's MSRs and what they enable",
     "INIT passes no seam"},
};

constexpr const Switch* find_switch(std::string_view name) {
  const auto* found = std::ranges::find(kSwitches, name, &Switch::name);
  return found == std::end(kSwitches) ? nullptr : found;
}

}  // namespace hypervet::pv
