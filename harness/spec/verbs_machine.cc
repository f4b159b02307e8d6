// SPDX-License-Identifier: Apache-2.0
// The verbs of any machine: instructions, memory, waiting, interrupts, control.
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/program.h"
#include "guest-payloads/protocol/virtio.h"
#include "harness/spec/verb_families.h"

namespace hypervet::spec {
namespace {

using enum KeyType;

constexpr std::uint64_t kAny = ~std::uint64_t{0};
constexpr std::uint64_t kLastCpu = protocol::kMaxCpus - 1;
constexpr std::uint64_t kArena = protocol::kArenaSize;
constexpr std::uint64_t kLastQueue = protocol::kVirtioMaxQueues - 1;
constexpr std::uint64_t kLongestRead = protocol::kMaxReadBytes;

constexpr VerbKey kWidth = {"width", kKnown, false, "", 1, 8, "bytes: 1, 2, 4 or 8; 4 if not said"};
constexpr VerbKey kPortWidth = {
    "width", kKnown, false, "", 1, 4, "bytes: 1, 2 or 4; 1 if not said"};
constexpr VerbKey kVector = {"vector", kKnown, true, "", 0, 255, "interrupt vector"};
constexpr VerbKey kDo = {"do", kSteps, true, "", 0, kAny, "the steps of the block"};
constexpr VerbKey kWithin = {"within", kDuration, false, "", 0, kAny, "how long at most"};

constexpr VerbKey kAlloc[] = {
    {"as", kName, true, "", 0, kAny, "name of its address"},
    {"size", kKnown, true, "", 1, kArena, "bytes"},
    {"align", kKnown, false, "", 1, kArena, "a power of two"},
    {"fill", kKnown, false, "", 0, 255, "byte that it is filled with"},
    {"mapping", kWord, false, "identity high", 0, kAny,
     "high: the address is not the physical one"},
};
constexpr VerbKey kCpuid[] = {
    {"leaf", kInput, true, "", 0, kAny, "EAX"},
    {"subleaf", kInput, false, "", 0, kAny, "ECX; 0 if not said"},
};
constexpr VerbKey kRdmsr[] = {{"msr", kInput, true, "", 0, kAny, "index of the MSR"}};
constexpr VerbKey kWrmsr[] = {
    {"msr", kInput, true, "", 0, kAny, "index of the MSR"},
    {"value", kInput, true, "", 0, kAny, "EDX:EAX"},
};
constexpr VerbKey kIn[] = {{"port", kKnown, true, "", 0, 0xffff, "I/O port"}, kPortWidth};
constexpr VerbKey kOut[] = {{"port", kKnown, true, "", 0, 0xffff, "I/O port"},
                            {"value", kInput, true, "", 0, kAny, "what is written"},
                            kPortWidth};
constexpr VerbKey kLoad[] = {{"from", kInput, true, "", 0, kAny, "address"}, kWidth};
constexpr VerbKey kStore[] = {{"to", kInput, true, "", 0, kAny, "address"},
                              {"value", kInput, true, "", 0, kAny, "what is written"},
                              kWidth};
constexpr VerbKey kRead[] = {
    {"from", kInput, true, "", 0, kAny, "address"},
    {"size", kKnown, false, "", 1, kLongestRead, "bytes"},
    {"struct", kStructure, false, "", 0, kAny, "structure that lies there"},
};
constexpr VerbKey kFill[] = {
    {"to", kInput, true, "", 0, kAny, "address"},
    {"size", kKnown, true, "", 1, kArena, "bytes"},
    {"value", kKnown, true, "", 0, 255, "byte"},
};
constexpr VerbKey kMap[] = {
    {"as", kName, true, "", 0, kAny,
     "name of the page's address; one mapped before is mapped anew"},
    {"to", kKnown, false, "", 0, kAny, "what it is mapped to, the start of a page"},
    {"flags", kWords, false, "writable user no-execute", 0, kAny,
     "rights; writable alone if not said"},
    {"present", kWord, false, "yes no true false", 0, kAny, "no: an access faults"},
};
constexpr VerbKey kHypercall[] = {
    {"kvm", kInput, true, "", 0, kAny, "number of a KVM hypercall"},
    {"args", kInputs, false, "", 0, 4, "up to four arguments"},
    {"opcode", kWord, false, "native other vmcall vmmcall", 0, kAny,
     "this vendor's instruction or the other's"},
};
constexpr VerbKey kHalt[] = {
    {"interrupts", kWord, false, "on off", 0, kAny, "off: only an NMI or a kick wakes"}};
constexpr VerbKey kSettle[] = {{"for", kDuration, true, "", 0, kAny, "how long"}};
constexpr VerbKey kAwait[] = {
    {"memory", kInput, false, "", 0, kAny, "address that is watched"},
    {"equals", kInput, false, "", 0, kAny, "until it is that"},
    {"not-equals", kInput, false, "", 0, kAny, "until it is not that"},
    {"at-least", kInput, false, "", 0, kAny, "until it is that or more"},
    {"mask", kInput, false, "", 0, kAny, "bits that are looked at"},
    kWidth,
    {"interrupts", kInterrupts, false, "", 0, kAny, "until that many of a vector were taken"},
    {"used", kUsed, false, "", 0, kAny, "until the device has used that chain, or that many"},
    {"queue", kKnown, false, "", 0, kLastQueue, "with a number of used ones: of which queue"},
    {"interrupt", kSource, false, "", 0, kAny, "queue.N or config: until it was taken"},
    {"count", kInput, false, "", 0, kAny, "with interrupt: how often; once if not said"},
    kWithin,
};
constexpr VerbKey kHandler[] = {
    kVector,
    {"eoi", kWord, false, "apic none pv", 0, kAny, "how the interrupt is ended"},
    {"word", kInput, false, "", 0, kAny, "address of the PV EOI word, for pv"},
    {"do", kSteps, false, "", 0, kAny, "the steps of the block, before the end of interrupt"},
};
constexpr VerbKey kIpi[] = {
    {"to", kKnown, true, "self", 0, kLastCpu, "CPU, or self"},
    {"vector", kKnown, false, "", 0, 255, "interrupt vector; an NMI has none"},
    {"mode", kWord, false, "fixed nmi", 0, kAny, "delivery mode"},
};
constexpr VerbKey kSelfIpi[] = {kVector};
constexpr VerbKey kCounts[] = {kVector};
constexpr VerbKey kInterruptLog[] = {
    {"cpu", kKnown, false, "", 0, kLastCpu, "CPU; this one if not said"}};
constexpr std::string_view kApicRegisters =
    "id version tpr apr ppr eoi ldr dfr svr isr0 isr1 isr2 isr3 isr4 isr5 isr6 isr7 tmr0 tmr1 tmr2 "
    "tmr3 tmr4 tmr5 tmr6 "
    "tmr7 irr0 irr1 irr2 irr3 irr4 irr5 irr6 irr7 esr icr-low icr-high lvt-timer lvt-thermal "
    "lvt-pmc lvt-lint0 "
    "lvt-lint1 lvt-error timer-initial timer-current timer-divide";
constexpr VerbKey kApic[] = {
    {"read", kKnown, false, kApicRegisters, 0, 0xff0, "register by name or xAPIC offset"},
    {"write", kKnown, false, kApicRegisters, 0, 0xff0, "register by name or xAPIC offset"},
    {"value", kInput, false, "", 0, kAny, "what is written"},
};
constexpr VerbKey kApicMode[] = {
    {"mode", kWord, true, "xapic x2apic", 0, kAny, "mode of this CPU's APIC"}};
constexpr VerbKey kOn[] = {
    {"cpu", kKnown, true, "others", 1, kLastCpu, "CPU, or others: all but this one"}, kDo};
constexpr VerbKey kJoin[] = {{"cpu", kKnown, true, "others", 1, kLastCpu, "CPU, or others"},
                             kWithin};
constexpr VerbKey kRepeat[] = {{"times", kKnown, true, "", 1, 0xffff'ffff, "how often"}, kDo};
constexpr VerbKey kCheck[] = {{"that", kExpression, true, "", 0, kAny, "what must be true"}};
constexpr VerbKey kAssume[] = {
    {"that", kExpression, true, "", 0, kAny, "what must be true for the case to say anything"},
    {"because", kText, true, "", 0, kAny, "reason of the skip if it is false"},
};

constexpr bool kInstruction = true, kFaults = true, kIsInput = true, kNamed = true,
               kNameless = false, kNot = false;

constexpr Verb kVerbs[] = {
    {"alloc", kAlloc, "", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "zeroed memory of this case's own"},
    {"cpuid", kCpuid, "", "eax ebx ecx edx", "", kNot, kInstruction, kFaults, kNamed,
     Place::kAnywhere, "CPUID"},
    {"rdmsr", kRdmsr, "", "value", "value", kIsInput, kInstruction, kFaults, kNamed,
     Place::kAnywhere, "RDMSR"},
    {"wrmsr", kWrmsr, "", "", "", kNot, kInstruction, kFaults, kNamed, Place::kAnywhere, "WRMSR"},
    {"in", kIn, "", "value", "value", kIsInput, kInstruction, kFaults, kNamed, Place::kAnywhere,
     "IN"},
    {"out", kOut, "", "", "", kNot, kInstruction, kFaults, kNamed, Place::kAnywhere, "OUT"},
    {"load", kLoad, "", "value", "value", kIsInput, kInstruction, kFaults, kNamed, Place::kAnywhere,
     "a load"},
    {"store", kStore, "", "", "", kNot, kInstruction, kFaults, kNamed, Place::kAnywhere, "a store"},
    {"read", kRead, "", "bytes", "bytes", kNot, kNot, kFaults, kNamed, Place::kAnywhere,
     "copies bytes or a structure out"},
    {"fill", kFill, "", "", "", kNot, kNot, kFaults, kNamed, Place::kAnywhere,
     "fills memory with a byte"},
    {"map", kMap, "", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "maps a page of the window"},
    {"hypercall", kHypercall, "", "", "rax", kIsInput, kInstruction, kFaults, kNamed,
     Place::kAnywhere, "a hypercall"},
    {"rdtsc",
     {},
     "",
     "value",
     "value",
     kIsInput,
     kInstruction,
     kFaults,
     kNamed,
     Place::kAnywhere,
     "RDTSC"},
    {"halt", kHalt, "", "waited", "waited", kNot, kNot, kNot, kNamed, Place::kNotInHandler,
     "HLT once"},
    {"settle", kSettle, "for", "waited", "waited", kNot, kNot, kNot, kNamed, Place::kNotInHandler,
     "lets time pass, interrupts on"},
    {"await", kAwait, "", "reached waited value id length flags", "value", kNot, kNot, kNot, kNamed,
     Place::kNotInHandler, "waits for memory, interrupts or a device"},
    {"handler", kHandler, "", "", "", kNot, kNot, kNot, kNameless, Place::kNotInHandler,
     "what an interrupt does"},
    {"ipi", kIpi, "", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "sends an interrupt by the ICR"},
    {"self-ipi", kSelfIpi, "vector", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "sends itself an interrupt"},
    {"counts", kCounts, "vector", "per-cpu total", "total", kNot, kNot, kNot, kNamed,
     Place::kAnywhere, "interrupts of a vector taken so far"},
    {"interrupt-log", kInterruptLog, "cpu", "order", "order", kNot, kNot, kNot, kNamed,
     Place::kAnywhere, "vectors taken, in order"},
    {"apic", kApic, "", "value", "value", kIsInput, kNot, kNot, kNamed, Place::kAnywhere,
     "a local APIC register"},
    {"apic-eoi",
     {},
     "",
     "",
     "",
     kNot,
     kNot,
     kNot,
     kNameless,
     Place::kAnywhere,
     "writes the EOI register"},
    {"apic-mode", kApicMode, "mode", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "switches this CPU's APIC"},
    {"on", kOn, "", "", "", kNot, kNot, kNot, kNameless, Place::kProgram,
     "another CPU does the steps meanwhile"},
    {"join", kJoin, "cpu", "reached waited", "waited", kNot, kNot, kNot, kNamed, Place::kProgram,
     "until that CPU has done its steps"},
    {"repeat", kRepeat, "", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "the steps, that often"},
    {"host",
     {},
     "verb",
     "status result",
     "result",
     kIsInput,
     kNot,
     kNot,
     kNamed,
     Place::kAnywhere,
     "the host acts"},
    {"scenario", {}, "", "", "", kNot, kNot, kNot, kNamed, Place::kAnywhere, "compiled guest code"},
    {"check", kCheck, "that", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "a relation of what was observed"},
    {"assume", kAssume, "", "", "", kNot, kNot, kNot, kNameless, Place::kAnywhere,
     "without it the case says nothing and is skipped"},
};

}  // namespace

std::span<const Verb> machine_verbs() { return kVerbs; }

}  // namespace hypervet::spec
