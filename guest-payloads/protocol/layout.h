// SPDX-License-Identifier: Apache-2.0
// Where things lie in the guest's memory and which ports the agent rings: the part of the contract
// between host and guest that is addresses. Freestanding; included by both sides.
//
// Every address is guest-physical and fixed, so a program's addresses are known when it is compiled
// and a program reads the same on every backend. 64 MiB of RAM from address 0 suffice.
#pragma once

#include <cstdint>

namespace hypervet::protocol {

inline constexpr unsigned kMaxCpus = 8;

// Real-mode trampoline of the application processors (SIPI vector = address >> 12).
inline constexpr std::uint64_t kTrampolineAddress = 0x8000;

// The agent's image is linked here; image, page tables, stacks end below kMailboxAddress.
inline constexpr std::uint64_t kAgentAddress = 0x0010'0000;

// Mailbox: one page, see mailbox.h.
inline constexpr std::uint64_t kMailboxAddress = 0x0040'0000;

// Observation buffer of the memory channel: frames back to back, see observation.h.
inline constexpr std::uint64_t kObservationsAddress = 0x0041'0000;
inline constexpr std::uint64_t kObservationsSize = 0x000f'0000;

// Where backends that choose the place of PVH module 0 put the program. The agent takes any place
// that does not overlap the areas named here (of kAgentAddress on: the image itself), at a multiple
// of 8. A VMM that puts module 0 at the top of RAM needs more than kMinimumMemory, where that is
// the arena.
inline constexpr std::uint64_t kProgramAddress = 0x0050'0000;
inline constexpr std::uint64_t kProgramMaxSize = 0x0010'0000;

// Arena: everything a program allocates. Zero when the program starts.
inline constexpr std::uint64_t kArenaAddress = 0x0100'0000;
inline constexpr std::uint64_t kArenaSize = 0x0100'0000;

inline constexpr std::uint64_t kMinimumMemory = kArenaAddress + kArenaSize;
inline constexpr std::uint64_t kDefaultMemory = 0x0400'0000;

// Virtual addresses. [0, 4 GiB) is mapped onto itself. The same 4 GiB appear again at kHighAlias,
// so that a host which takes a linear address for a physical one is found out. kWindowAddress is a
// window of kWindowPages 4 KiB pages which the Map op fills; nothing is mapped there at the start.
inline constexpr std::uint64_t kHighAlias = 0xffff'8000'0000'0000;
inline constexpr std::uint64_t kWindowAddress = 0x0000'0080'0000'0000;
inline constexpr unsigned kWindowPages = 512;

// A 32-bit OUT to this port is an exit to the backend on the memory channel. The value says why.
inline constexpr std::uint16_t kDoorbellPort = 0x05f0;
enum class Doorbell : std::uint32_t {
  kReady = 1,  // booted, all CPUs started, program not looked at yet: the point to take a snapshot
  kFinished = 2,  // the program ended and every observation is committed; nothing more will come
  kHost = 3,      // perform Mailbox::host_verb, put result and status into the mailbox, return
  kRefused =
      4,       // the program is malformed (a Refused frame says where); nothing of it was executed
  kPanic = 5,  // the agent itself faulted (a Panic frame holds the registers)
};

// The agent's own interrupt vectors: waking an idle CPU for a block (neither counted nor logged),
// and the spurious vector of the local APIC. No handler of a program can be set on them.
inline constexpr std::uint32_t kWakeVector = 0xfe;
inline constexpr std::uint32_t kSpuriousVector = 0xff;

// The second doorbell (setting doorbell: on), which is an eventfd in a kernel: 32-bit writes to
// this port or address count, and do no more; to kEventInterruptPort they raise kEventVector at
// APIC 0.
inline constexpr std::uint16_t kEventPort = 0x05e0;
inline constexpr std::uint64_t kEventAddress = 0xfea0'0000;
inline constexpr std::uint16_t kEventInterruptPort = 0x05e4;
inline constexpr std::uint32_t kEventVector = 0x52;

// Where the clocks of a PC are (setting platform-timers: on): the PIT, the ACPI PM timer at the
// port that QEMU's q35 has it at, the HPET.
inline constexpr std::uint16_t kPitPort = 0x40;
inline constexpr std::uint16_t kPmTimerPort = 0x608;
inline constexpr std::uint64_t kHpetAddress = 0xfed0'0000;
inline constexpr std::uint64_t kHpetCounter = 0xf0;  // offset of the main counter

// Serial channel: 16550 at COM1, frames as they are; host verbs are answered by one byte (0 = done,
// else status) followed by the eight bytes of the result. Ends by a byte to the debug-exit port
// (with exit=debug-exit: the Doorbell's value, so QEMU's exit status is 5 finished, 9 refused, 11
// panic), then HLT with interrupts off.
inline constexpr std::uint16_t kSerialPort = 0x03f8;
inline constexpr std::uint16_t kDebugExitPort = 0x00f4;

}  // namespace hypervet::protocol
