// SPDX-License-Identifier: Apache-2.0
// Where every exception and interrupt ends up. Interrupts are counted and logged here; what a
// handler of the program does is asked of the agent by on_interrupt.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/observation.h"

namespace hypervet::guest {

// What interrupt_stubs.S and the CPU push, lowest address first.
struct TrapFrame {
  std::uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi;
  std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  std::uint64_t vector, error_code;
  std::uint64_t rip, cs, rflags, rsp, ss;
};

protocol::RegisterFile registers_of(const TrapFrame& frame);

// Called with interrupts off for every vector >= 32 but the agent's own; ends the interrupt too.
using InterruptHook = void (*)(std::uint8_t vector);
extern InterruptHook on_interrupt;

// Called for an exception that nothing expected. Does not return.
using PanicHook = void (*)(const protocol::ExecutedPayload& state);
extern PanicHook on_panic;

}  // namespace hypervet::guest
