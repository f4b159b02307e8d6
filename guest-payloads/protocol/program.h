// SPDX-License-Identifier: Apache-2.0
// The wire format of a program: what the host compiles a case to and the agent executes.
// Freestanding; included by both sides. Little-endian, as x86 is. A program is one ProgramHeader,
// op_count Ops, then data_size bytes of data for kPut, nothing else.
//
// The agent checks a whole program before it executes any of it (see check in guest-payloads/agent)
// and refuses a malformed one with the index of the op at fault.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hypervet::protocol {

inline constexpr std::uint64_t kProgramMagic = 0x6d61'7267'6f72'7068;  // "hprogram"
inline constexpr std::uint32_t kProgramVersion = 3;
inline constexpr std::uint32_t kMaxOps = 4096;
inline constexpr std::uint32_t kMaxSlots = 64;
inline constexpr std::uint32_t kMaxNesting = 3;
inline constexpr std::uint32_t kMaxReadBytes = 4096;
inline constexpr std::uint32_t kMaxRepeat = 1'000'000;
inline constexpr std::uint32_t kMaxProgramData = 0x8'0000;

struct ProgramHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t size;      // of header, ops and data together, bytes
  std::uint64_t checksum;  // checksum() over ops and data
  std::uint32_t op_count;
  std::uint32_t cpus;        // CPUs the program needs; more than came up: refused
  std::uint64_t seed;        // for scenarios that draw numbers
  std::uint32_t data_size;   // bytes after the ops, a multiple of 8, at most kMaxProgramData
  std::uint32_t arena_size;  // bytes of the arena that the program may use, from its start; where
                             // programs run one after another, that much is zeroed before each
};
static_assert(sizeof(ProgramHeader) == 48);

// An input of an op: a constant, or a value that an earlier op put into a slot, plus a constant.
inline constexpr std::uint32_t kNoSlot = 0xffff'ffff;
struct Operand {
  std::uint64_t value = 0;
  std::uint32_t slot = kNoSlot;
  std::uint32_t reserved = 0;
};

// Operands that may not come from a slot: sizes and the byte of kRead and kFill, page and flags of
// kMap, vectors, CPUs, register offsets, kApicMode, the verb, the scenario, the count of kRepeat
// all of kMeasure (agent/op_rules.h has the table). The block of a kHandler holds instruction ops
// without kInterruptsOn, memory ops, kCounts, kInterruptLog, kSendIcr, kApicRead and kApicWrite
// alone. Registers that an instruction op does not give hold patterns; RAX of kStore and kOut holds
// the whole value, the address of kLoad and kStore is in RBX, the port in RDX.
//
// Ops. "Instruction ops" execute exactly one instruction under test with a full register file
// loaded before and stored after it; they answer with an Executed frame. The others answer as said.
enum class OpCode : std::uint16_t {
  // Instruction ops.
  kCpuid = 1,      // {leaf, subleaf}
  kRdmsr = 2,      // {msr}; slot: EDX:EAX
  kWrmsr = 3,      // {msr, value}
  kIn = 4,         // {port}, width; slot: the value
  kOut = 5,        // {port, value}, width
  kLoad = 6,       // {address}, width; slot: the value
  kStore = 7,      // {address, value}, width
  kHypercall = 8,  // {number, a0, a1, a2, a3}, variant: HypercallOpcode; slot: RAX. KVM's
                   // registers: RAX RBX RCX RDX RSI
  kRdtsc = 9,      // {}; slot: EDX:EAX

  // Memory. Answer: Bytes (kRead), none but a Done otherwise. A fault answers with an Executed
  // frame that holds it.
  kRead = 16,  // {address, size}: copies at most kMaxReadBytes into a Bytes frame
  kFill = 17,  // {address, size, byte}
  kMap = 18,   // {virtual page in the window, physical page, MapFlags}: 4 KiB mapping, flushes the
               // TLB entry
               // on the CPU that runs it

  // Time and waiting. Durations are nanoseconds of TSC time. Interrupts are taken in these ops
  // alone (and in
  // instruction ops with kInterruptsOn). Answer: Values {reached 0|1, nanoseconds waited, last
  // value seen}.
  kHalt = 24,         // {} HLT once; kInterruptsOn: with IF = 1, else with IF = 0
  kSettle = 25,       // {duration}: spins with interrupts on
  kAwaitMemory = 26,  // {address, mask, value, within}, width, variant: AwaitRelation
  kAwaitInterrupts =
      27,  // {vector, count, cpu, within}: until that CPU has taken count of them since the start

  // Interrupts. Answer: Done, Values or Bytes as said.
  kHandler = 32,       // {vector}, variant: EoiMode; the block runs in the handler, before the EOI
  kCounts = 33,        // {vector}: Values, one count per CPU since the start
  kInterruptLog = 34,  // {cpu}: Bytes, the vectors that CPU took in order (at most 256)
  kSendIcr = 35,       // {ICR low word, destination APIC id}: writes the ICR
  kApicRead = 36,      // {register offset, as in xAPIC: 0xb0 is EOI}; Values {value}; slot
  kApicWrite = 37,     // {register offset, value}
  kApicMode = 38,      // {0 xAPIC | 1 x2APIC} on this CPU

  // Control.
  kOnCpu =
      48,  // {cpu}: hands the block to that CPU, once it is idle, and goes on at once. Answer: Done
  kJoin = 49,      // {cpu, within}: until that CPU has finished its block. Values {reached, waited}
  kHost = 50,      // {verb, a0, a1, a2}: HostVerb. Values {status, result}; slot: result
  kScenario = 51,  // {ScenarioId, a0..a4}: compiled code. Values, as the scenario's table says
  kRepeat =
      52,  // {count}: runs the block that many times, each with its observations. Answer: Done
  kMeasure =
      53,  // {PathLoop, samples, warm-up | batch << 32, arguments...}, variant: MeasureVariant; on
           // CPU 0. Answer: MeasureAnswer and samples, see paths.h

  // Memory from the program's own data. Answer: Done, or an Executed frame that holds the fault.
  kPut = 56,  // {address, offset into the data, size}

  // Virtio; see virtio.h for registers, regions, vectors and answers. Every access to the device is
  // made under the fault guard: a fault answers with an Executed frame. Before a kVirtioFind that
  // found one, and for a register or region that the device or its transport does not have, the
  // answer is Values {0, 0}: value 0, not there. All constant but values, offsets and durations.
  kVirtioFind = 64,    // {device ID, VirtioTransport}: looks for it; PCI: assigns BARs where nobody
                       // did, enables memory and bus mastering. Answer: VirtioFound
  kVirtioRead = 65,    // {VirtioRegister, index}; slot. Values {value, there}
  kVirtioWrite = 66,   // {VirtioRegister, index, value}; Values {0, there}
  kVirtioAwait = 67,   // {VirtioRegister, index, mask, value, within}: until register & mask ==
                       // value; interrupts are taken. Values {reached, nanoseconds, last value}
  kRegionRead = 68,    // {VirtioRegion, offset}, width, variant: RegionAccess; slot. Values {value,
                       // there}
  kRegionWrite = 69,   // {VirtioRegion, offset, value}, width, variant: RegionAccess. Values {0,
                       // there}
  kVirtioNotify = 70,  // {queue, value}, width: 2, 4: of the value written. Values {0, there}
  kVirtioInterrupts = 71,  // {VirtioInterrupts, queues}: handlers, line or MSI-X table; does not
                           // write the device's vector registers. Values {done 0|1, by MSI-X 0|1}
  kVirtioCapability = 72,  // {cfg_type, nth}; slot: place. Answer: VirtioCapability
};

enum class HypercallOpcode : std::uint16_t {
  kNative = 0,  // VMCALL on Intel, VMMCALL on AMD and Hygon, by CPUID leaf 0
  kOther = 1,   // the other one
  kVmcall = 2,
  kVmmcall = 3,
};

enum class EoiMode : std::uint16_t {
  kApic = 0,  // writes the APIC's EOI register
  kNone = 1,  // writes nothing
  kPv = 2,    // test-and-clears bit 0 of the PV EOI word (operand 1 of the handler); APIC EOI if it
              // was clear
};

// A field of 64 bits in a configuration is reached by two accesses of 32 (4.1.3.1, 4.2.2.2).
enum class RegionAccess : std::uint16_t {
  kWhole = 0,
  kHalves = 1,  // of width 8: two of 4, the low one first
};

enum class MeasureVariant : std::uint16_t {
  kLoop = 0,
  kEmpty = 1,  // the same without the operation
};

enum class AwaitRelation : std::uint16_t { kEqual = 0, kNotEqual = 1, kAtLeast = 2 };

enum MapFlags : std::uint64_t {
  kMapPresent = 1,
  kMapWritable = 2,
  kMapUser = 4,
  kMapNoExecute = 8
};

enum OpFlags : std::uint8_t {
  kUser = 1,          // at CPL 3
  kCompat = 2,        // in a 32-bit code segment
  kInterruptsOn = 4,  // with RFLAGS.IF = 1
  // On an op that answers with Values: where the first of them is 0, no CPU starts another op, and
  // the program ends. For what decides the case: the rest would only wait in vain.
  kOrEnd = 8,
};

struct Op {
  OpCode code;
  std::uint8_t width;  // 1, 2, 4, 8 where the op has one, else 0
  std::uint8_t flags;  // OpFlags
  std::uint16_t variant;
  std::uint16_t block;  // the number of ops after this one that are its block (nested ones counted)
  std::uint32_t result_slot;  // kNoSlot: keep nothing
  std::uint32_t reserved;
  Operand operands[6];
};
static_assert(sizeof(Op) == 112);

// Rotating sum over 64-bit words, the tail zero-padded. Cheap where each guest instruction is
// emulated; it guards against mix-ups and cut transfers, not against malice.
inline std::uint64_t checksum(const void* data, std::size_t size,
                              std::uint64_t sum = 0x9e37'79b9'7f4a'7c15) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  while (size >= 8) {
    std::uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    sum = ((sum << 7) | (sum >> 57)) + word;
    bytes += 8;
    size -= 8;
  }
  if (size != 0) {
    std::uint64_t word = 0;
    __builtin_memcpy(&word, bytes, size);
    sum = ((sum << 7) | (sum >> 57)) + word;
  }
  return sum;
}

}  // namespace hypervet::protocol
