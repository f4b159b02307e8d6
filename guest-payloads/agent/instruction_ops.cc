// SPDX-License-Identifier: Apache-2.0
// Ops that are one instruction under the guard.
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

using protocol::HypercallOpcode;
using protocol::Op;
using protocol::OpCode;
using protocol::RegisterFile;

namespace {

constexpr std::uint64_t low32(std::uint64_t value) { return value & 0xffff'ffff; }
constexpr std::uint64_t low_bytes(std::uint64_t value, unsigned width) {
  return width == 8 ? value : value & ((1ull << width * 8) - 1);
}
constexpr std::uint64_t edx_eax(const RegisterFile& r) { return r.rdx << 32 | low32(r.rax); }

Instruction hypercall_instruction(HypercallOpcode opcode) {
  bool vmmcall = false;
  switch (opcode) {
    case HypercallOpcode::kNative:
      vmmcall = native_is_vmmcall();
      break;
    case HypercallOpcode::kOther:
      vmmcall = !native_is_vmmcall();
      break;
    case HypercallOpcode::kVmcall:
      vmmcall = false;
      break;
    case HypercallOpcode::kVmmcall:
      vmmcall = true;
      break;
  }
  return vmmcall ? Instruction::kVmmcall : Instruction::kVmcall;
}

// Puts the operands into registers and chooses the instruction.
Instruction set_up(const OpRun& run, RegisterFile& r) {
  const Op& op = run.op();
  switch (op.code) {
    case OpCode::kCpuid:
      r.rax = run.operand(0);
      r.rcx = run.operand(1);
      return Instruction::kCpuid;
    case OpCode::kRdmsr:
      r.rcx = run.operand(0);
      return Instruction::kRdmsr;
    case OpCode::kWrmsr: {
      const std::uint64_t value = run.operand(1);
      r.rcx = run.operand(0);
      r.rax = low32(value);
      r.rdx = value >> 32;
      return Instruction::kWrmsr;
    }
    case OpCode::kIn:
      r.rdx = run.operand(0);
      return by_width(Instruction::kIn8, op.width);
    case OpCode::kOut:
      r.rdx = run.operand(0);
      r.rax = run.operand(1);
      return by_width(Instruction::kOut8, op.width);
    case OpCode::kLoad:
      r.rbx = run.operand(0);
      return by_width(Instruction::kLoad8, op.width);
    case OpCode::kStore:
      r.rbx = run.operand(0);
      r.rax = run.operand(1);
      return by_width(Instruction::kStore8, op.width);
    case OpCode::kHypercall:
      r.rax = run.operand(0);
      r.rbx = run.operand(1);
      r.rcx = run.operand(2);
      r.rdx = run.operand(3);
      r.rsi = run.operand(4);
      return hypercall_instruction(static_cast<HypercallOpcode>(op.variant));
    default:
      return Instruction::kRdtsc;
  }
}

std::uint64_t result(const Op& op, const RegisterFile& after) {
  switch (op.code) {
    case OpCode::kRdmsr:
    case OpCode::kRdtsc:
      return edx_eax(after);
    case OpCode::kHypercall:
      return after.rax;
    default:
      return low_bytes(after.rax, op.width);
  }
}

}  // namespace

// Leaf 0 spells the vendor in EBX, EDX, ECX; EBX tells the three apart from all others. APM vol.
// 2, 15.23: VMMCALL.
bool native_is_vmmcall() {
  static std::uint32_t ebx;  // CPUID may be an exit: asked once
  if (ebx == 0) ebx = cpuid(0).ebx;
  constexpr std::uint32_t kAuthenticAmd = 0x6874'7541, kHygonGenuine = 0x6f67'7948;
  return ebx == kAuthenticAmd || ebx == kHygonGenuine;
}

void instruction_op(OpRun& run) {
  const Op& op = run.op();
  Guard guard;
  const Instruction instruction = set_up(run, guard.prepare());
  guard.run(instruction, {.user = (op.flags & protocol::kUser) != 0,
                          .compat = (op.flags & protocol::kCompat) != 0,
                          .interrupts_on = (op.flags & protocol::kInterruptsOn) != 0});
  if (!guard.faulted() && op.result_slot != protocol::kNoSlot)
    run.keep(result(op, guard.executed.after));
  run.executed(guard);
}

}  // namespace hypervet::guest
