// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/guard.h"

#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {

struct Stub {
  std::uint64_t address;
  std::uint64_t next;
};
struct InstructionStubs {
  Stub kernel64, kernel32, user;
};

// Registers that an op does not give hold values that no host makes up by chance and that name the
// register: the low byte is its number in the encoding. The upper half is set, so that a truncation
// shows.
constexpr std::uint64_t pattern(std::uint64_t number) { return 0x5a17'c0de'0bad'f000 | number; }

// CF, AF, SF set, the rest of the status flags clear; bit 1 is always 1.
constexpr std::uint64_t kFlags = 0x93;
constexpr std::uint64_t kInterruptFlag = 0x200;

}  // namespace

extern "C" {
extern const InstructionStubs hv_instruction_stubs[];
void hv_guard_run(Guard* guard);
bool hv_probe(std::uint64_t address, unsigned width, std::uint64_t* value);
bool hv_poke(std::uint64_t address, unsigned width, std::uint64_t value);
std::uint64_t hv_try_copy(std::uint64_t to, std::uint64_t from, std::uint64_t size);
std::uint64_t hv_try_fill(std::uint64_t to, std::uint64_t pattern, std::uint64_t size);
}

namespace {
void enter(Guard& guard, const Stub& stub, Mode mode) {
  protocol::ExecutedPayload& executed = guard.executed;
  executed.before.rip = stub.address;
  if (mode.interrupts_on) executed.before.rflags |= kInterruptFlag;
  executed.after.rip = guard.next = stub.next;
  executed.vector = protocol::kNoFault;
  executed.has_error = 0;
  executed.error_code = 0;
  executed.cr2 = 0;
  if (mode.user) {
    guard.cs = mode.compat ? HV_SEL_USER_CODE32 : HV_SEL_USER_CODE64;
    guard.ss = HV_SEL_USER_DATA;
  } else {
    guard.cs = mode.compat ? HV_SEL_CODE32 : HV_SEL_CODE64;
    guard.ss = HV_SEL_DATA;
  }
  executed.cs = guard.cs;
  guard.tsc = rdtsc();
  hv_guard_run(&guard);
  guard.tsc_end = rdtsc();
}
}  // namespace

protocol::RegisterFile& Guard::prepare() {
  protocol::RegisterFile& r = executed.before;
  r.rax = pattern(0);
  r.rcx = pattern(1);
  r.rdx = pattern(2);
  r.rbx = pattern(3);
  r.rbp = pattern(5);
  r.rsi = pattern(6);
  r.rdi = pattern(7);
  r.r8 = pattern(8);
  r.r9 = pattern(9);
  r.r10 = pattern(10);
  r.r11 = pattern(11);
  r.r12 = pattern(12);
  r.r13 = pattern(13);
  r.r14 = pattern(14);
  r.r15 = pattern(15);
  r.rflags = kFlags;
  return r;
}

void Guard::run(Instruction instruction, Mode mode) {
  const InstructionStubs& stubs = hv_instruction_stubs[static_cast<unsigned>(instruction)];
  const Stub& stub = mode.user ? stubs.user : mode.compat ? stubs.kernel32 : stubs.kernel64;
  enter(*this, stub, mode);
}

void Guard::run_code(std::uint64_t entry, std::uint64_t end, bool user) {
  enter(*this, {.address = entry, .next = end}, {.user = user});
}

bool probe(std::uint64_t address, unsigned width, std::uint64_t& value) {
  return hv_probe(address, width, &value);
}

bool poke(std::uint64_t address, unsigned width, std::uint64_t value) {
  return hv_poke(address, width, value);
}

std::uint64_t try_copy(std::uint64_t to, std::uint64_t from, std::uint64_t size) {
  return hv_try_copy(to, from, size);
}

std::uint64_t try_fill(std::uint64_t to, std::uint8_t byte, std::uint64_t size) {
  return hv_try_fill(to, byte * 0x0101'0101'0101'0101u, size);
}

}  // namespace hypervet::guest
