// SPDX-License-Identifier: Apache-2.0
// The fault guard: runs one instruction with a chosen register file, at a chosen privilege and code
// size, and tells everything that came of it. Reentrant: an interrupt handler may use a guard of
// its own while one runs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/runtime/constants.h"

namespace hypervet::guest {

// The order is that of instruction_stubs.S.
enum class Instruction : std::uint8_t {
  kCpuid,
  kRdmsr,
  kWrmsr,
  kRdtsc,
  kVmcall,
  kVmmcall,
  kIn8,
  kIn16,
  kIn32,
  kOut8,
  kOut16,
  kOut32,
  kLoad8,
  kLoad16,
  kLoad32,
  kLoad64,  // (RBX) to AL, AX, EAX, RAX
  kStore8,
  kStore16,
  kStore32,
  kStore64,  // AL, AX, EAX, RAX to (RBX)
  kRepMovsb,
  kRepStosb,
};

struct Mode {
  bool user = false;           // CPL 3
  bool compat = false;         // 32-bit code segment
  bool interrupts_on = false;  // RFLAGS.IF
};

// What assembly and trap handler work on. `executed` is what goes out as an observation.
struct Guard {
  protocol::ExecutedPayload executed;
  std::uint64_t stack;  // RSP of hv_guard_run
  std::uint64_t cs;
  std::uint64_t ss;
  std::uint64_t next;  // address of the following instruction
  std::uint64_t tsc;   // right before
  std::uint64_t tsc_end;

  bool faulted() const { return executed.vector != protocol::kNoFault; }
  // Sets executed.before to the patterns (see patterns in guard.cc); the caller overwrites what the
  // op gives.
  protocol::RegisterFile& prepare();
  // Runs; executed.after and the fault fields are valid then. Interrupts are off after it.
  void run(Instruction instruction, Mode mode);
  // The same for 64-bit code of one's own, which uses no stack. At CPL 0 it ends by a jump to
  // hv_guard_landing, at CPL 3 by a UD2, whose address is `end`.
  void run_code(std::uint64_t entry, std::uint64_t end, bool user);
};
static_assert(offsetof(Guard, executed.before) == HV_GUARD_BEFORE);
static_assert(offsetof(Guard, executed.after) == HV_GUARD_AFTER);
static_assert(offsetof(Guard, stack) == HV_GUARD_STACK);
static_assert(offsetof(Guard, cs) == HV_GUARD_CS);
static_assert(offsetof(Guard, ss) == HV_GUARD_SS);
static_assert(offsetof(protocol::RegisterFile, r15) == HV_REG_R15);
static_assert(offsetof(protocol::RegisterFile, rip) == HV_REG_RIP);
static_assert(offsetof(protocol::RegisterFile, rflags) == HV_REG_RFLAGS);

// Loads 1, 2, 4 or 8 bytes; false if that faults. No report: run kLoad under a guard to learn why.
bool probe(std::uint64_t address, unsigned width, std::uint64_t& value);

// Stores the low bytes of `value`, likewise.
bool poke(std::uint64_t address, unsigned width, std::uint64_t value);

// Copy or fill `size` bytes upwards until an access faults. Returns the bytes that are done for
// certain: all, or some up to 63 less than there are before the fault.
std::uint64_t try_copy(std::uint64_t to, std::uint64_t from, std::uint64_t size);
std::uint64_t try_fill(std::uint64_t to, std::uint8_t byte, std::uint64_t size);

}  // namespace hypervet::guest
