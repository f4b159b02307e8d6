// SPDX-License-Identifier: Apache-2.0
#include "backends/violations/vocabulary.h"

#include <algorithm>
#include <vector>

#include "backends/violations/virtio_vocabulary.h"

namespace hypervet::violations {
namespace {

using enum KeyRole;

constexpr Key kNth = {"nth", kCondition, true, "",
                      "only the n-th event that meets the other conditions, from 1"};

// `what` is what explain and the documentation print.
constexpr Key kHypercallKeys[] = {
    {"nr", kCondition, true, "any unknown",
     "hypercall number; unknown: one the host does not implement"},
    {"cpu", kCondition, true, "", "CPU that calls"},
    {"cpl", kCondition, true, "", "privilege level of the caller"},
    {"mode", kCondition, false, "long compat", "code segment of the caller: 64-bit or other"},
    {"opcode", kCondition, false, "native other", "this vendor's instruction or the other's"},
    {"a0", kCondition, true, "", "first argument, as passed"},
    {"a1", kCondition, true, "", "second argument"},
    {"a2", kCondition, true, "", "third argument"},
    {"a3", kCondition, true, "", "fourth argument"},
    kNth,
    {"as-nr", kEffect, true, "", "the host takes it for this number"},
    {"as-a0", kEffect, true, "", "the host takes this for the first argument"},
    {"as-a1", kEffect, true, "", "the host takes this for the second argument"},
    {"as-a2", kEffect, true, "", "the host takes this for the third argument"},
    {"as-a3", kEffect, true, "", "the host takes this for the fourth argument"},
    {"swap-arguments", kEffect, false, "yes", "a0 and a1 are taken for each other"},
    {"argument-mask", kEffect, true, "", "ANDed to every argument before the host looks at it"},
    {"truncate", kEffect, false, "no", "outside 64-bit mode all 64 bits of the inputs count"},
    {"allow", kEffect, false, "yes", "a check of privilege, feature or argument is left out"},
    {"ignore", kEffect, false, "yes", "the call returns its result but does nothing"},
    {"rax", kEffect, true, "", "result"},
    {"add", kEffect, true, "", "added to the result"},
    {"high-half", kEffect, true, "", "bits 63:32 of RAX afterwards"},
    {"rcx", kEffect, true, "", "RCX afterwards"},
    {"rdx", kEffect, true, "", "RDX afterwards"},
    {"rbx", kEffect, true, "", "RBX afterwards"},
    {"rbp", kEffect, true, "", "RBP afterwards"},
    {"rsi", kEffect, true, "", "RSI afterwards"},
    {"rdi", kEffect, true, "", "RDI afterwards"},
    {"r8", kEffect, true, "", "R8 afterwards"},
    {"r9", kEffect, true, "", "R9 afterwards"},
    {"r10", kEffect, true, "", "R10 afterwards"},
    {"r11", kEffect, true, "", "R11 afterwards"},
    {"r12", kEffect, true, "", "R12 afterwards"},
    {"r13", kEffect, true, "", "R13 afterwards"},
    {"r14", kEffect, true, "", "R14 afterwards"},
    {"r15", kEffect, true, "", "R15 afterwards"},
    {"rflags-set", kEffect, true, "", "bits set in RFLAGS: status flags and DF"},
    {"rflags-clear", kEffect, true, "", "bits cleared in RFLAGS: status flags and DF"},
    {"advance", kEffect, true, "", "bytes that RIP moves by, instead of the instruction's length"},
    {"fault", kEffect, false, "#UD #GP(0) #PF none",
     "raised instead (#PF: at the instruction, as a write); none: not raised, RIP moves on"},
};
constexpr Key kCpuidKeys[] = {
    {"leaf", kCondition, true, "", "leaf as the guest asks for it"},
    {"cpu", kCondition, true, "", "CPU that asks"},
    kNth,
    {"eax", kEffect, true, "", "value"},
    {"ebx", kEffect, true, "", "value"},
    {"ecx", kEffect, true, "", "value"},
    {"edx", kEffect, true, "", "value"},
    {"eax-set", kEffect, true, "", "bits set"},
    {"ebx-set", kEffect, true, "", "bits set"},
    {"ecx-set", kEffect, true, "", "bits set"},
    {"edx-set", kEffect, true, "", "bits set"},
    {"eax-clear", kEffect, true, "", "bits cleared"},
    {"ebx-clear", kEffect, true, "", "bits cleared"},
    {"ecx-clear", kEffect, true, "", "bits cleared"},
    {"edx-clear", kEffect, true, "", "bits cleared"},
};
constexpr Key kRdmsrKeys[] = {
    {"msr", kCondition, true, "", "index"},
    {"cpu", kCondition, true, "", "CPU that reads"},
    kNth,
    {"value", kEffect, true, "", "read instead; alone it does not undo a fault"},
    {"add", kEffect, true, "", "added to the value"},
    {"set", kEffect, true, "", "bits set in the value"},
    {"clear", kEffect, true, "", "bits cleared in the value"},
    {"fault", kEffect, false, "#GP(0) none", "raised, or not raised (it then reads 0), instead"},
};
constexpr Key kWrmsrKeys[] = {
    {"msr", kCondition, true, "", "index"},
    {"cpu", kCondition, true, "", "CPU that writes"},
    {"bit", kCondition, true, "", "this bit of the value is set"},
    {"bit-clear", kCondition, true, "", "this bit of the value is clear"},
    {"value-is", kCondition, true, "", "the value written"},
    kNth,
    {"value", kEffect, true, "", "the host takes this for the value"},
    {"set", kEffect, true, "", "bits that the host takes for set"},
    {"clear", kEffect, true, "", "bits that the host takes for clear"},
    {"fault", kEffect, false, "#GP(0) none",
     "#GP(0): raised, nothing else happens; none: where the host would raise it, the value is "
     "kept"},
    {"ignore", kEffect, false, "yes", "the write does nothing and raises nothing"},
    {"keep", kEffect, false, "yes",
     "the MSR reads back the value, nothing else happens: a disabling write leaves the feature on"},
};
constexpr Key kMemoryKeys[] = {
    {"area", kCondition, false, "wall-clock system-time async-pf steal-time pv-eoi clock-pairing",
     "structure that the host writes"},
    {"field", kCondition, false, "*",
     "field of it, by its name in the source (pv-eoi: flag); pad: each of the padding's pieces"},
    {"cpu", kCondition, true, "", "CPU that the structure belongs to"},
    {"when", kCondition, false, "register update inject notify",
     "why the host writes. register: the guest's MSR write or hypercall; inject: PV EOI bit set, "
     "page not present; notify: page ready; update: by itself, and PV EOI bit taken back"},
    kNth,
    {"value", kEffect, true, "", "written instead"},
    {"add", kEffect, true, "", "added to what is written"},
    {"set", kEffect, true, "", "bits set in what is written"},
    {"clear", kEffect, true, "", "bits cleared in what is written"},
    {"size", kEffect, true, "", "bytes written instead of the field's size, at most 8"},
    {"write", kEffect, false, "drop", "not written"},
    {"log", kEffect, false, "skip", "written, but the dirty log is not told"},
    {"also-after-end", kEffect, true, "", "bytes of 0xee written behind the structure, at most 64"},
    {"at-address", kEffect, true, "", "the structure is taken to lie there"},
};
constexpr Key kInterruptKeys[] = {
    {"from", kCondition, false,
     "send-ipi kick async-pf-ready async-pf-not-present icr timer nmi msi any", "what sent it"},
    {"to", kCondition, true, "lowest highest",
     "CPU that it goes to; lowest, highest: of those addressed"},
    {"vector", kCondition, true, "", "vector"},
    {"mode", kCondition, false, "fixed nmi", "delivery mode"},
    kNth,
    {"drop", kEffect, false, "yes", "never arrives"},
    {"repeat", kEffect, true, "", "arrives that many times, at most 16"},
    {"as-vector", kEffect, true, "", "arrives with this vector (a kick: an interrupt beside it)"},
    {"as-mode", kEffect, false, "fixed nmi", "arrives in this delivery mode"},
    {"to-cpu", kEffect, true, "", "arrives at this CPU instead"},
    {"also-to-cpu", kEffect, true, "", "arrives at this CPU as well"},
    {"token", kEffect, true, "", "async page fault: the token that is reported"},
};
constexpr Key kApicKeys[] = {
    {"event", kCondition, false, "pv-eoi apic-eoi", "the end of interrupt that was signalled"},
    {"vector", kCondition, true, "", "vector in service"},
    {"cpu", kCondition, true, "", "CPU"},
    kNth,
    {"in-service", kEffect, false, "keep", "the vector stays in service"},
};
constexpr Key kExitKeys[] = {
    {"kind", kCondition, false, "hypercall msr", "kind of exit"},
    {"nr", kCondition, true, "", "hypercall number or MSR index"},
    kNth,
    {"number", kEffect, true, "", "number or index that user space is told"},
    {"arg0", kEffect, true, "", "first argument that user space is told"},
    {"arg1", kEffect, true, "", "second argument"},
    {"arg2", kEffect, true, "", "third argument"},
    {"flags", kEffect, true, "", "flags that user space is told"},
    {"value", kEffect, true, "", "MSR value that user space is told"},
    {"result", kEffect, true, "", "what reaches the guest instead of user space's answer"},
    {"drop", kEffect, false, "yes", "no exit; the guest sees 0"},
};
constexpr Key kSwitchKeys[] = {
    {"name", kEffect, false, "*",
     "switch of the model, from backends/pv/switches.h or backends/devices/switches.h"},
    {"amount", kEffect, true, "", "how much, where the switch has an amount"},
};

constexpr SeamEntry kEntries[] = {
    {Seam::kHypercall, "hypercall", kHypercallKeys},
    {Seam::kCpuid, "cpuid", kCpuidKeys},
    {Seam::kRdmsr, "rdmsr", kRdmsrKeys},
    {Seam::kWrmsr, "wrmsr", kWrmsrKeys},
    {Seam::kMemory, "memory", kMemoryKeys},
    {Seam::kInterrupt, "interrupt", kInterruptKeys},
    {Seam::kApic, "apic", kApicKeys},
    {Seam::kExit, "exit", kExitKeys},
    {Seam::kSwitch, "switch", kSwitchKeys},
};

}  // namespace

std::span<const SeamEntry> seams() {
  static const std::vector<SeamEntry> all = [] {
    std::vector<SeamEntry> entries(std::begin(kEntries), std::end(kEntries));
    entries.insert(entries.end(), virtio_seams().begin(), virtio_seams().end());
    return entries;
  }();
  return all;
}

const SeamEntry* find_seam(std::string_view name) {
  const auto found = std::ranges::find(seams(), name, &SeamEntry::name);
  return found == seams().end() ? nullptr : &*found;
}

const Key* find_key(const SeamEntry& seam, std::string_view name) {
  const auto found = std::ranges::find(seam.keys, name, &Key::name);
  return found == seam.keys.end() ? nullptr : &*found;
}

bool takes_word(const Key& key, std::string_view word) {
  if (key.words == "*") return !word.empty();
  for (std::string_view rest = key.words; !rest.empty();) {
    const std::size_t space = rest.find(' ');
    if (rest.substr(0, space) == word) return true;
    rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
  }
  return false;
}

}  // namespace hypervet::violations
