// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/traps.h"

#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/guard.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

InterruptHook on_interrupt;
PanicHook on_panic;

extern "C" {
void hv_guard_leave();
extern const std::uint8_t hv_attempt_begin[], hv_attempt_end[], hv_attempt_failed[];
}

namespace {

constexpr std::uint64_t kNmi = 2, kInvalidOpcode = 6;
constexpr std::uint64_t kResumeFlag = 1u << 16;

// Vectors that push an error code (SDM vol. 3, table 6-1; 29 and 30: APM vol. 2, table 8-1).
constexpr std::uint32_t kWithError = 1u << 8 | 0x1fu << 10 | 1u << 17 | 1u << 21 | 3u << 29;

void record(std::uint64_t vector) {
  Cpu& cpu = this_cpu();
  ++cpu.counts[vector];
  // One instruction, so that an NMI between two of them cannot lose an entry.
  const std::uint32_t at = __atomic_fetch_add(&cpu.logged, 1, __ATOMIC_RELAXED);
  if (at < kLogSize) cpu.log[at] = static_cast<std::uint8_t>(vector);
}

void store_fault(const TrapFrame& frame, protocol::ExecutedPayload& out) {
  out.vector = static_cast<std::uint32_t>(frame.vector);
  out.has_error = kWithError >> frame.vector & 1;
  out.error_code = frame.error_code;
  out.cr2 = read_cr2();
  out.cs = frame.cs;
}

// The guarded instruction faulted, or it ran at CPL 3 and has reached the UD2 that follows it.
void leave_guard(TrapFrame& frame, Guard& guard) {
  guard.executed.after = registers_of(frame);
  const bool done =
      frame.vector == kInvalidOpcode && (frame.cs & 3) == 3 && frame.rip == guard.next;
  if (!done) store_fault(frame, guard.executed);
  frame.rax = reinterpret_cast<std::uint64_t>(&guard);
  frame.rip = reinterpret_cast<std::uint64_t>(&hv_guard_leave);
  frame.cs = HV_SEL_CODE64;
  frame.ss = HV_SEL_DATA;
  frame.rsp = guard.stack;
  frame.rflags = 2;
}

void exception(TrapFrame& frame) {
  if (Guard* guard = this_cpu().guard; guard != nullptr) {
    leave_guard(frame, *guard);
    return;
  }
  const auto rip = frame.rip;
  if (rip >= reinterpret_cast<std::uint64_t>(hv_attempt_begin) &&
      rip < reinterpret_cast<std::uint64_t>(hv_attempt_end)) {
    frame.rip = reinterpret_cast<std::uint64_t>(hv_attempt_failed);
    return;
  }
  protocol::ExecutedPayload state{};
  state.after = registers_of(frame);
  store_fault(frame, state);
  on_panic(state);
}

void interrupt(std::uint64_t vector) {
  Cpu& cpu = this_cpu();
  // The guard's instruction is not running now: a fault in here is the agent's own or that of a
  // handler's op.
  Guard* const guard = cpu.guard;
  const std::uint64_t scratch = cpu.scratch;
  cpu.guard = nullptr;
  if (vector == protocol::kWakeVector) {
    end_of_interrupt();
  } else {
    record(vector);
    on_interrupt(static_cast<std::uint8_t>(vector));
  }
  cpu.guard = guard;
  cpu.scratch = scratch;
}

}  // namespace

protocol::RegisterFile registers_of(const TrapFrame& frame) {
  return {
      .rax = frame.rax,
      .rcx = frame.rcx,
      .rdx = frame.rdx,
      .rbx = frame.rbx,
      .rsp = frame.rsp,
      .rbp = frame.rbp,
      .rsi = frame.rsi,
      .rdi = frame.rdi,
      .r8 = frame.r8,
      .r9 = frame.r9,
      .r10 = frame.r10,
      .r11 = frame.r11,
      .r12 = frame.r12,
      .r13 = frame.r13,
      .r14 = frame.r14,
      .r15 = frame.r15,
      .rip = frame.rip,
      // RF is set in the image that a fault pushes, whatever it was before (SDM vol. 3, 17.3.1.1).
      .rflags = frame.rflags & ~kResumeFlag};
}

extern "C" void hv_trap(TrapFrame* frame) {
  if (frame->vector >= 32) {
    interrupt(frame->vector);
  } else if (frame->vector == kNmi) {
    record(kNmi);
  } else {
    exception(*frame);
  }
}

}  // namespace hypervet::guest
