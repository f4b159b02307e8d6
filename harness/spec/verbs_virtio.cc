// SPDX-License-Identifier: Apache-2.0
// The verbs of virtio devices. Sections are of virtio 1.4.
#include "guest-payloads/protocol/program.h"
#include "guest-payloads/protocol/virtio.h"
#include "harness/spec/verb_families.h"

namespace hypervet::spec {
namespace {

using enum KeyType;

constexpr std::uint64_t kAny = ~std::uint64_t{0};
constexpr std::uint64_t kLastQueue = protocol::kVirtioMaxQueues - 1;
constexpr std::uint64_t kLargestQueue = 32768;  // 2.7, 2.8

constexpr VerbKey kQueue = {"queue", kKnown, false, "", 0, kLastQueue, "queue; 0 if not said"};
constexpr VerbKey kWhichQueue = {
    "queue", kKnown, false, "", 0, kLastQueue, "whose register it is, where each queue has one"};
constexpr VerbKey kSize = {"size", kKnown, false, "", 1, kLargestQueue, "entries; 16 if not said"};
constexpr VerbKey kWithin = {"within", kDuration, false, "", 0, kAny, "how long at most"};
constexpr VerbKey kValue = {"value", kInput, false, "", 0, kAny, "what is written"};

constexpr VerbKey kBringUp[] = {
    {"features", kBits, false, "", 0, 63,
     "bits that are negotiated besides VERSION_1 and the ring's"},
    {"queues", kQueues, false, "", 0, kAny,
     "queues that are set up; those of the device's good request if not said"},
    {"interrupts", kWord, false, "none line msix native", 0, kAny,
     "how the device's interrupts come; native: MSI-X on PCI, the line on MMIO; none if not said"},
    {"until", kWord, false, "acknowledge driver features-ok queues driver-ok", 0, kAny,
     "the last thing that is done"},
};
constexpr VerbKey kReset[] = {kWithin};
constexpr VerbKey kStatus[] = {
    {"read", kNothing, false, "", 0, kAny, "it is read; so it is if nothing is said"},
    {"write", kInput, false, "", 0, 255, "it is written"},
    {"await", kInput, false, "", 0, 255, "until it is that"},
    {"mask", kInput, false, "", 0, 255, "with await: bits that are looked at"},
    kWithin,
};
constexpr VerbKey kRegisterKeys[] = {
    {"read", kRegister, false, "", 0, kAny, "register that is read whole"},
    {"write", kRegister, false, "", 0, kAny, "register that is written whole"},
    kWhichQueue,
    kValue,
};
constexpr VerbKey kRegionKeys[] = {
    {"read", kRegion, false, "", 0, kAny, "region that is read"},
    {"write", kRegion, false, "", 0, kAny, "region that is written"},
    {"offset", kInput, true, "", 0, kAny, "bytes from its start"},
    {"width", kKnown, false, "", 1, 8, "bytes: 1, 2, 4 or 8; 4 if not said"},
    kValue,
};
constexpr VerbKey kConfig[] = {
    {"read", kPlace, false, "", 0, kAny, "field of the structure, or an offset"},
    {"write", kPlace, false, "", 0, kAny, "field of the structure, or an offset"},
    {"struct", kStructure, false, "", 0, kAny,
     "structure with the field; `config` of the device's interface if not said"},
    {"width", kKnown, false, "", 1, 8, "of an offset, bytes: 1, 2, 4 or 8; 4 if not said"},
    kValue,
};
constexpr VerbKey kFeatures[] = {
    {"read", kWord, false, "device", 0, kAny, "what the device offers, 64 bits"},
    {"write", kInput, false, "", 0, kAny, "what the driver accepts, 64 bits"},
};
constexpr VerbKey kCapability[] = {
    {"type", kKnown, true, "", 0, 255, "cfg_type, 4.1.4"},
    {"nth", kKnown, false, "", 0, 63, "of several; the first, 0, if not said"},
};
constexpr VerbKey kChainKeys[] = {
    {"as", kName, true, "", 0, kAny, "name of the chain, and of its parts: NAME.PART"},
    kQueue,
    {"readable", kParts, false, "", 0, kAny, "what the device reads, a descriptor each"},
    {"writable", kParts, false, "", 0, kAny, "what the device writes, a descriptor each"},
    {"indirect", kWord, false, "no yes", 0, kAny, "yes: in a table of its own"},
};
constexpr VerbKey kSubmit[] = {
    kQueue,
    {"chain", kChain, false, "", 0, kAny, "chain that is made available"},
    {"count", kKnown, false, "", 1, kLargestQueue, "how often; once if not said"},
    {"head", kKnown, false, "", 0, 0xffff, "instead of a chain: a descriptor, as it is"},
};
constexpr VerbKey kDescriptors[] = {
    kQueue,
    {"table", kTable, true, "", 0, kAny, "descriptors of the queue; what is not said stays"},
};
constexpr VerbKey kIndirect[] = {
    {"as", kName, true, "", 0, kAny, "name of the table's address"},
    {"table", kTable, true, "", 0, kAny, "its descriptors, from 0 on"},
};
constexpr VerbKey kAvail[] = {
    kQueue,
    {"index", kInput, true, "", 0, 0xffff, "what avail.idx becomes; split rings alone"},
};
constexpr VerbKey kNotify[] = {
    kQueue,
    {"value", kInput, false, "", 0, kAny, "instead of the one that the features call for"},
};
constexpr VerbKey kUsedKeys[] = {
    kQueue,
    {"at", kKnown, true, "", 0, 0xffff, "which completion, from 0"},
};
constexpr VerbKey kGoodRequest[] = {
    kWithin,
    {"until", kWord, false, "laid-out submitted notified used", 0, kAny,
     "the last thing that is done; used, and judged, if not said"},
    {"as", kName, false, "", 0, kAny, "name of its chain"},
};
constexpr VerbKey kInterruptsOf[] = {
    {"of", kSource, true, "", 0, kAny, "queue.N or config"},
};
constexpr VerbKey kSuppress[] = {
    kQueue,
    {"flags", kKnown, false, "", 0, 0xffff, "split: avail.flags; packed: flags of the driver area"},
    {"event", kKnown, false, "", 0, 0xffff, "split: used_event; packed: offset of a descriptor"},
    {"wrap", kKnown, false, "", 0, 1, "packed, with event: the wrap counter there"},
};
constexpr VerbKey kOfQueue[] = {kQueue};
constexpr VerbKey kQueueSetup[] = {
    kQueue,
    kSize,
    {"enable", kWord, false, "yes no", 0, kAny, "no: its addresses are written, no more"},
};
constexpr VerbKey kQueueReset[] = {kQueue, kWithin};

constexpr bool kNot = false, kFaults = true, kIsInput = true, kNamed = true, kNameless = false;

// What is done to a ring is known when it is compiled: it is done once, by the program itself.
constexpr Place kOnce = Place::kProgram;

constexpr Verb kVerbs[] = {
    {"bring-up", kBringUp, "", "status", "status", kNot, kNot, kFaults, kNamed, kOnce,
     "initialises the device as 3.1.1 says, or a part of it"},
    {"find",
     {},
     "",
     "found device vendor version msix line notify-multiplier config-size",
     "found",
     kNot,
     kNot,
     kFaults,
     kNamed,
     kOnce,
     "looks for the device; every other verb does so first"},
    {"reset", kReset, "within", "reached waited value", "waited", kNot, kNot, kFaults, kNamed,
     kOnce, "writes 0 to the status and waits until it reads 0"},
    {"status", kStatus, "", "value reached waited", "value", kIsInput, kNot, kFaults, kNamed, kOnce,
     "the device status"},
    {"register", kRegisterKeys, "", "value there", "value", kIsInput, kNot, kFaults, kNamed, kOnce,
     "a register of the transport"},
    {"region", kRegionKeys, "", "value there", "value", kIsInput, kNot, kFaults, kNamed, kOnce,
     "a raw access to a region of the device"},
    {"config", kConfig, "", "value there", "value", kIsInput, kNot, kFaults, kNamed, kOnce,
     "the device's configuration"},
    {"features", kFeatures, "", "value there", "value", kIsInput, kNot, kFaults, kNamed, kOnce,
     "feature bits"},
    {"capability", kCapability, "", "found place cap_len bar id offset length address", "place",
     kIsInput, kNot, kFaults, kNamed, kOnce, "a virtio capability of the PCI function"},
    {"chain", kChainKeys, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "lays out buffers, the writable ones between canaries"},
    {"submit", kSubmit, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "makes a chain available: descriptors, ring, index"},
    {"descriptors", kDescriptors, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "writes descriptors as they stand"},
    {"indirect", kIndirect, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "an indirect table as it stands"},
    {"avail", kAvail, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "writes the available index as it stands"},
    {"notify", kNotify, "queue", "there", "there", kNot, kNot, kFaults, kNamed, kOnce,
     "an available buffer notification"},
    {"used", kUsedKeys, "", "id length flags index", "length", kNot, kNot, kNot, kNamed, kOnce,
     "what the device wrote of a completion"},
    {"good-request", kGoodRequest, "within", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "the simplest request of the device succeeds"},
    {"interrupts", kInterruptsOf, "of", "per-cpu total", "total", kNot, kNot, kNot, kNamed, kOnce,
     "interrupts taken so far"},
    {"suppress", kSuppress, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "which used buffer notifications the driver wants"},
    {"wanted", kOfQueue, "queue", "flags event", "flags", kNot, kNot, kNot, kNamed, kOnce,
     "which available buffer notifications the device wants"},
    {"queue-setup", kQueueSetup, "", "", "", kNot, kNot, kNot, kNameless, kOnce,
     "sets up one queue"},
    {"queue-reset", kQueueReset, "queue", "reached waited value", "waited", kNot, kNot, kFaults,
     kNamed, kOnce, "resets one queue, 2.6.1"},
    {"no-outside-write",
     {},
     "",
     "",
     "",
     kNot,
     kNot,
     kNot,
     kNameless,
     kOnce,
     "the canaries around all writable parts are as they were"},
};

}  // namespace

std::span<const Verb> virtio_verbs() { return kVerbs; }

}  // namespace hypervet::spec
