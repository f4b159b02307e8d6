// SPDX-License-Identifier: Apache-2.0
#include "backends/violations/vocabulary.h"

#include <algorithm>

namespace hypervet::violations {
namespace {

using enum KeyRole;

// Cycle-free description of each seam; `what` is what explain and the documentation print.
constexpr Key kHypercallKeys[] = {
    {"nr", kCondition, true, "any unknown", "hypercall number; unknown: one the host does not implement"},
    {"cpl", kCondition, true, "", "privilege level of the caller"},
    {"mode", kCondition, false, "long compat", "code segment of the caller"},
    {"opcode", kCondition, false, "native other", "this vendor's instruction or the other's"},
    {"rax", kEffect, true, "", "result"},
    {"rbx", kEffect, true, "", ""},
    {"rcx", kEffect, true, "", ""},
    {"rdx", kEffect, true, "", ""},
    {"rsi", kEffect, true, "", ""},
    {"rdi", kEffect, true, "", ""},
    {"rbp", kEffect, true, "", ""},
    {"r8", kEffect, true, "", ""},
    {"r15", kEffect, true, "", ""},
    {"rflags-set", kEffect, true, "", "bits set in RFLAGS"},
    {"add", kEffect, true, "", "added to the result"},
    {"high-half", kEffect, true, "", "bits 63:32 of RAX afterwards"},
    {"advance", kEffect, true, "", "bytes that RIP moves by, instead of the instruction's length"},
    {"fault", kEffect, false, "#UD #GP(0) none", "raised instead"},
    {"ignore", kEffect, false, "yes", "the call returns its result but does nothing"},
    {"swap-arguments", kEffect, false, "yes", "a0 and a1 are taken for each other"},
    {"argument-mask", kEffect, true, "", "ANDed to every argument before the model sees it"},
    {"allow", kEffect, false, "yes", "a check of privilege or feature is left out"},
};
constexpr Key kCpuidKeys[] = {
    {"leaf", kCondition, true, "", "leaf"},
    {"eax", kEffect, true, "", "value"},
    {"ebx", kEffect, true, "", "value"},
    {"ecx", kEffect, true, "", "value"},
    {"edx", kEffect, true, "", "value"},
    {"eax-set", kEffect, true, "", "bits set"},
    {"eax-clear", kEffect, true, "", "bits cleared"},
    {"ecx-clear", kEffect, true, "", "bits cleared"},
    {"edx-set", kEffect, true, "", "bits set"},
};
constexpr Key kRdmsrKeys[] = {
    {"msr", kCondition, true, "", "index"},
    {"cpu", kCondition, true, "", "CPU that reads"},
    {"value", kEffect, true, "", "read instead"},
    {"add", kEffect, true, "", "added to the value"},
    {"fault", kEffect, false, "#GP(0) none", "raised, or not raised, instead"},
};
constexpr Key kWrmsrKeys[] = {
    {"msr", kCondition, true, "", "index"},
    {"cpu", kCondition, true, "", "CPU that writes"},
    {"bit", kCondition, true, "", "this bit of the value is set"},
    {"value-is", kCondition, true, "", "the value written"},
    {"value", kEffect, true, "", "written instead"},
    {"fault", kEffect, false, "#GP(0) none", "raised, or not raised, instead; none: the value is kept"},
    {"ignore", kEffect, false, "yes", "the write does nothing and raises nothing"},
    {"keep", kEffect, false, "yes", "the MSR takes the value but its side effects are left out"},
};
constexpr Key kMemoryKeys[] = {
    {"area", kCondition, false,
     "wall-clock system-time async-pf steal-time pv-eoi clock-pairing",
     "structure that the host writes"},
    {"field", kCondition, false, "*", "field of it, by its name in the source"},
    {"cpu", kCondition, true, "", "CPU that the structure belongs to"},
    {"when", kCondition, false, "register update inject notify", "what made the host write"},
    {"value", kEffect, true, "", "written instead"},
    {"add", kEffect, true, "", "added to what is written"},
    {"set", kEffect, true, "", "bits set in what is written"},
    {"write", kEffect, false, "drop once", "drop: not written; once: only the first time"},
    {"also-after-end", kEffect, true, "", "bytes of 0xee written behind the structure"},
    {"at-address", kEffect, true, "", "written there instead"},
};
constexpr Key kInterruptKeys[] = {
    {"from", kCondition, false, "send-ipi kick async-pf-ready async-pf-not-present icr timer nmi msi any", "what sent it"},
    {"to", kCondition, true, "lowest highest", "CPU that it goes to; lowest, highest: of those addressed"},
    {"vector", kCondition, true, "", "vector"},
    {"drop", kEffect, false, "yes", "never arrives"},
    {"repeat", kEffect, true, "", "arrives that many times"},
    {"as-vector", kEffect, true, "", "arrives with this vector"},
    {"as-mode", kEffect, false, "fixed nmi", "arrives in this delivery mode"},
    {"to-cpu", kEffect, true, "", "arrives at this CPU instead"},
    {"also-to-cpu", kEffect, true, "", "arrives at this CPU as well"},
    {"token", kEffect, true, "", "async page fault: the token that is reported"},
};
constexpr Key kApicKeys[] = {
    {"event", kCondition, false, "pv-eoi apic-eoi", "the end of interrupt that was signalled"},
    {"vector", kCondition, true, "", "vector in service"},
    {"in-service", kEffect, false, "keep", "the vector stays in service"},
};
constexpr Key kExitKeys[] = {
    {"kind", kCondition, false, "hypercall msr", "kind of exit"},
    {"number", kEffect, true, "", "number or index that user space is told"},
    {"arg0", kEffect, true, "", "first argument that user space is told"},
    {"arg1", kEffect, true, "", ""},
    {"arg2", kEffect, true, "", ""},
    {"flags", kEffect, true, "", "flags that user space is told"},
    {"value", kEffect, true, "", "MSR value that user space is told"},
    {"result", kEffect, true, "", "what reaches the guest instead of user space's answer"},
    {"drop", kEffect, false, "yes", "no exit; the guest sees 0"},
};
constexpr Key kSwitchKeys[] = {
    {"name", kEffect, false, "*", "switch of the model, from its table"},
    {"amount", kEffect, true, "", "how much, where the switch has an amount"},
};

constexpr SeamEntry kSeams[] = {
    {Seam::kHypercall, "hypercall", kHypercallKeys}, {Seam::kCpuid, "cpuid", kCpuidKeys},
    {Seam::kRdmsr, "rdmsr", kRdmsrKeys},             {Seam::kWrmsr, "wrmsr", kWrmsrKeys},
    {Seam::kMemory, "memory", kMemoryKeys},          {Seam::kInterrupt, "interrupt", kInterruptKeys},
    {Seam::kApic, "apic", kApicKeys},                {Seam::kExit, "exit", kExitKeys},
    {Seam::kSwitch, "switch", kSwitchKeys},
};

}  // namespace

std::span<const SeamEntry> seams() { return kSeams; }

const SeamEntry* find_seam(std::string_view name) {
  const auto* found = std::ranges::find(kSeams, name, &SeamEntry::name);
  return found == std::end(kSeams) ? nullptr : found;
}

const Key* find_key(const SeamEntry& seam, std::string_view name) {
  const auto found = std::ranges::find(seam.keys, name, &Key::name);
  return found == seam.keys.end() ? nullptr : &*found;
}

}  // namespace hypervet::violations
