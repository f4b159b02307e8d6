// SPDX-License-Identifier: Apache-2.0
// Hot paths: the loops that the agent has to time an operation with. Freestanding; included by both
// sides, and the one table of loop names, arguments and proofs. The code is in
// guest-payloads/paths.
//
// A loop runs `batch` operations between two readings of the TSC, `samples` times over, after
// `warmup` batches that nobody sees. Its twin, the empty loop, does all of it but the operation;
// the host takes its time off. Nothing here says what an operation should cost.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::protocol {

inline constexpr std::uint32_t kMaxPathSamples = 16'384;  // samples, and warm-up batches
inline constexpr std::uint32_t kMaxPathBatch = 1'000'000;
inline constexpr unsigned kPathArguments = 3;

// A program that measures uses the arena so: samples, then what a loop needs for itself, then pages
// that nobody has touched.
inline constexpr std::uint64_t kPathSamplesAddress = kArenaAddress;
inline constexpr std::uint64_t kPathAreaAddress = kArenaAddress + 0x8'0000;
inline constexpr std::uint64_t kPathPagesAddress = kArenaAddress + 0x10'0000;
inline constexpr std::uint64_t kPathPages = (kArenaAddress + kArenaSize - kPathPagesAddress) / 4096;
static_assert(kPathSamplesAddress + kMaxPathSamples * 8 <= kPathAreaAddress);

enum class PathLoop : std::uint32_t {
  kNone = 0,
  kHypercall = 1,
  kCpuid = 2,
  kIn = 3,
  kOut = 4,
  kMmioRead = 5,
  kMmioWrite = 6,
  kRdmsr = 7,
  kWrmsr = 8,
  kRingPort = 9,
  kRingMemory = 10,
  kKvmclockRead = 11,
  kPitRead = 12,
  kPmTimerRead = 13,
  kHpetRead = 14,
  kSelfIpi = 15,
  kSelfIpiPvEoi = 16,
  kIpiHypercall = 17,
  kIpiIcr = 18,
  kIpiShorthand = 19,
  kWakeKick = 20,
  kWakeIpi = 21,
  kWakeSpin = 22,
  kArmLapic = 23,
  kArmDeadline = 24,
  kFireLapic = 25,
  kFireDeadline = 26,
  kPageFirstTouch = 27,
  kPageTouchAgain = 28,
  kRingInterrupt = 29,
  kHostInterrupt = 30,
  kMachineLife = 31,
};

// What shows that the operations were carried out. MeasureAnswer holds what it is about.
enum class PathProof : std::uint8_t {
  kSameResult,  // sum = operations * first: each gave the result of one that was not timed
  kMoves,       // sum differs from that: a clock was read, and it moved
  kCounts,      // sum = operations: each was noticed at its other end
  kReadsBack,   // last, what was read, = first, what was written
  kDoorbell,    // the host counted as many rings as there were operations
  kPvEoi,       // sum = operations, and last > 0 of them ended without the APIC
  kHostClock,   // nothing in the guest: the host measures
};

struct PathLoopEntry {
  PathLoop loop;
  std::string_view name;
  std::string_view arguments[kPathArguments];  // names in order; empty: none further
  PathProof proof;
  bool user;            // may run at CPL 3 as well
  std::uint32_t batch;  // operations in a batch, unless the path says otherwise
  std::uint32_t cpus;   // at least so many
  std::string_view what;
  // All CPUs of the machine spin, so each needs a processor of the host to itself. With fewer the
  // time is that of the host's scheduler.
  bool spins = false;
};

inline constexpr PathLoopEntry kPathLoops[] = {
    {PathLoop::kHypercall,
     "hypercall",
     {"number", "a0", "a1"},
     PathProof::kSameResult,
     true,
     8,
     1,
     "VMCALL or VMMCALL, whichever is the processor's own, further arguments 0"},
    {PathLoop::kCpuid, "cpuid", {"leaf", "subleaf"}, PathProof::kSameResult, true, 8, 1, "CPUID"},
    {PathLoop::kIn,
     "in",
     {"port", "width"},
     PathProof::kSameResult,
     true,
     8,
     1,
     "IN from a port whose value does not change, width in bytes; at CPL 3 with IOPL 3"},
    {PathLoop::kOut,
     "out",
     {"port", "value", "width"},
     PathProof::kReadsBack,
     true,
     8,
     1,
     "OUT to a port that can be read back, width in bytes; at CPL 3 with IOPL 3"},
    {PathLoop::kMmioRead,
     "mmio-read",
     {"address"},
     PathProof::kSameResult,
     true,
     8,
     1,
     "a load of 32 bits that always gives the same"},
    {PathLoop::kMmioWrite,
     "mmio-write",
     {"address", "value"},
     PathProof::kReadsBack,
     true,
     8,
     1,
     "a store of 32 bits that can be read back"},
    {PathLoop::kRdmsr,
     "rdmsr",
     {"msr"},
     PathProof::kSameResult,
     false,
     8,
     1,
     "RDMSR of an MSR whose value does not change"},
    {PathLoop::kWrmsr,
     "wrmsr",
     {"msr", "value"},
     PathProof::kReadsBack,
     false,
     8,
     1,
     "WRMSR of an MSR that can be read back; its value comes back at the end"},
    {PathLoop::kRingPort,
     "doorbell-port",
     {},
     PathProof::kDoorbell,
     true,
     8,
     1,
     "OUT to the port of the doorbell (setting doorbell: on)"},
    {PathLoop::kRingMemory,
     "doorbell-memory",
     {},
     PathProof::kDoorbell,
     true,
     8,
     1,
     "a store to the address of the doorbell (setting doorbell: on)"},
    {PathLoop::kKvmclockRead,
     "kvmclock-read",
     {},
     PathProof::kMoves,
     false,
     8,
     1,
     "kvmclock's time from its page and the TSC, as a guest kernel reads it"},
    {PathLoop::kPitRead,
     "pit-read",
     {},
     PathProof::kMoves,
     false,
     8,
     1,
     "the PIT's counter 0: latch command and two reads"},
    {PathLoop::kPmTimerRead,
     "pm-timer-read",
     {},
     PathProof::kMoves,
     false,
     8,
     1,
     "IN from the ACPI PM timer"},
    {PathLoop::kHpetRead,
     "hpet-read",
     {},
     PathProof::kMoves,
     false,
     8,
     1,
     "a load of the HPET's main counter, low half"},
    {PathLoop::kSelfIpi,
     "self-ipi",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "an IPI to itself, from the ICR to the handler and back, ended at the APIC"},
    {PathLoop::kSelfIpiPvEoi,
     "self-ipi-pv-eoi",
     {},
     PathProof::kPvEoi,
     false,
     1,
     1,
     "the same, ended by the PV EOI word where the host allows it, else at the APIC"},
    {PathLoop::kIpiHypercall,
     "ipi-hypercall",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "KVM_HC_SEND_IPI to all other CPUs, which spin, until each has taken it",
     true},
    {PathLoop::kIpiIcr,
     "ipi-icr",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "one ICR write for each other CPU, which spin, until each has taken it",
     true},
    {PathLoop::kIpiShorthand,
     "ipi-shorthand",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "one ICR write to all but self, which spin, until each has taken it",
     true},
    {PathLoop::kWakeKick,
     "wake-kick",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "KVM_HC_KICK_CPU of a CPU halted with interrupts off, until it has answered"},
    {PathLoop::kWakeIpi,
     "wake-ipi",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "an IPI to a CPU halted with interrupts on, until it has answered"},
    {PathLoop::kWakeSpin,
     "wake-spin",
     {},
     PathProof::kCounts,
     false,
     1,
     2,
     "a store that a spinning CPU waits for, until it has answered",
     true},
    {PathLoop::kArmLapic,
     "arm-lapic-timer",
     {},
     PathProof::kReadsBack,
     false,
     8,
     1,
     "the local APIC's timer is armed, one-shot, far ahead"},
    {PathLoop::kArmDeadline,
     "arm-tsc-deadline",
     {},
     PathProof::kReadsBack,
     false,
     8,
     1,
     "IA32_TSC_DEADLINE is written, far ahead"},
    {PathLoop::kFireLapic,
     "fire-lapic-timer",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "from arming the local APIC's timer 20 us ahead to the end of its handler"},
    {PathLoop::kFireDeadline,
     "fire-tsc-deadline",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "from writing IA32_TSC_DEADLINE 20 us ahead to the end of its handler"},
    {PathLoop::kPageFirstTouch,
     "page-first-touch",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "a store to a page that was never touched"},
    {PathLoop::kPageTouchAgain,
     "page-touch-again",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "a store to a page that was touched before"},
    {PathLoop::kRingInterrupt,
     "doorbell-interrupt",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "OUT to a doorbell whose event raises an interrupt, until its handler has run"},
    {PathLoop::kHostInterrupt,
     "host-interrupt",
     {},
     PathProof::kCounts,
     false,
     1,
     1,
     "the agent's doorbell, for which user space raises an MSI, until its handler has run"},
    {PathLoop::kMachineLife,
     "machine-life",
     {},
     PathProof::kHostClock,
     false,
     1,
     1,
     "a machine is made, boots, ends and is destroyed; on the host's clock"},
};

// nullptr: no such loop.
constexpr const PathLoopEntry* find_path_loop(std::uint64_t loop) {
  for (const PathLoopEntry& entry : kPathLoops) {
    if (static_cast<std::uint64_t>(entry.loop) == loop) return &entry;
  }
  return nullptr;
}

enum class MeasureStatus : std::uint64_t {
  kDone = 0,
  kNoDevice = 1,  // the counter does not move: nobody is there
  kLost = 2,      // an interrupt or an answer did not come
  kTorn = 3,      // the clock's page was never consistent
};

// kMeasure's answer is one Values frame of this, then Values frames of at most kSamplesPerFrame
// samples each (ticks of one batch) until there are `samples`. A fault in the loop or on the way to
// it answers with an Executed frame instead.
struct MeasureAnswer {
  std::uint64_t status;      // MeasureStatus; all but kDone: no samples follow
  std::uint64_t operations;  // carried out, warm-up included
  std::uint64_t first;       // see PathProof
  std::uint64_t sum;
  std::uint64_t last;
};
inline constexpr std::uint32_t kSamplesPerFrame = 1000;

}  // namespace hypervet::protocol
