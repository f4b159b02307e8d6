// SPDX-License-Identifier: Apache-2.0
// Paths that are one instruction: registers for the loops of instruction_loops.S, and what shows
// that they did their work.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/runtime/constants.h"

namespace hypervet::guest {

using protocol::PathLoop;
using protocol::RegisterFile;

namespace {

static_assert(protocol::kMailboxAddress + offsetof(protocol::Mailbox, progress) == HV_PROGRESS);

// The order is that of instruction_loops.S.
enum class LoopCode : unsigned {
  kEmpty,
  kVmcall,
  kVmmcall,
  kCpuid,
  kIn8,
  kIn16,
  kIn32,
  kOut8,
  kOut16,
  kOut32,
  kLoad32,
  kStore32,
  kRdmsr,
  kWrmsr,
};

struct Code {
  std::uint64_t entry, end;
};
struct LoopCodes {
  Code kernel, user;
};

// What the registers hold before each operation.
struct Inputs {
  LoopCode code = LoopCode::kEmpty;
  std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0;
};

LoopCode by_width(LoopCode first, std::uint64_t width) {
  return static_cast<LoopCode>(static_cast<unsigned>(first) + (width == 1   ? 0u
                                                               : width == 2 ? 1u
                                                                            : 2u));
}

Inputs inputs_of(const InstructionOperands& o) {
  switch (o.loop) {
    case PathLoop::kHypercall:
      return {native_is_vmmcall() ? LoopCode::kVmmcall : LoopCode::kVmcall, o.a0, o.a1, o.a2, 0};
    case PathLoop::kCpuid:
      return {LoopCode::kCpuid, o.a0, 0, o.a1, 0};
    case PathLoop::kIn:
      return {by_width(LoopCode::kIn8, o.a1), 0, 0, 0, o.a0};
    case PathLoop::kOut:
      return {by_width(LoopCode::kOut8, o.a2), o.a1, 0, 0, o.a0};
    case PathLoop::kMmioRead:
      return {LoopCode::kLoad32, 0, o.a0, 0, 0};
    case PathLoop::kMmioWrite:
      return {LoopCode::kStore32, o.a1, o.a0, 0, 0};
    case PathLoop::kRdmsr:
      return {LoopCode::kRdmsr, 0, 0, o.a0, 0};
    default:
      return {LoopCode::kWrmsr, o.a1 & 0xffff'ffff, 0, o.a0, o.a1 >> 32};
  }
}

extern "C" const LoopCodes hv_path_loops[];

// Runs the loop `batches` times over; false if it faulted.
bool run_loop(Guard& guard, const PathRun& path, const Inputs& in, std::uint64_t batches,
              std::uint64_t batch, std::uint64_t* to, std::uint64_t& sum) {
  constexpr std::uint64_t kIopl3 = 3u << 12;  // ports are open to CPL 3 (SDM vol. 1, 19.5.1)
  RegisterFile& r = guard.prepare();
  r.rdi = reinterpret_cast<std::uint64_t>(to);
  r.r12 = batches;
  r.r15 = batch;
  r.r8 = in.rax;
  r.r9 = in.rbx;
  r.r10 = in.rcx;
  r.r11 = in.rdx;
  r.rsi = 0;
  r.rbp = sum;
  if (path.user()) r.rflags |= kIopl3;
  const LoopCodes& codes = hv_path_loops[static_cast<unsigned>(in.code)];
  const Code& code = path.user() ? codes.user : codes.kernel;
  guard.run_code(code.entry, code.end, path.user());
  sum = guard.executed.after.rbp;
  return !guard.faulted();
}

// After writes: what was written, and what the address, port or MSR then reads.
bool read_back(PathRun& path, const InstructionOperands& o) {
  Guard guard;
  InstructionOperands reader = o;
  switch (o.loop) {
    case PathLoop::kOut:
      reader = {PathLoop::kIn, o.a0, o.a2};
      path.first = o.a1 & ((1ull << o.a2 * 8) - 1);
      break;
    case PathLoop::kMmioWrite:
      reader = {PathLoop::kMmioRead, o.a0};
      path.first = o.a1 & 0xffff'ffff;
      break;
    case PathLoop::kWrmsr:
      path.first = o.a1;
      if (!guarded_rdmsr(guard, static_cast<std::uint32_t>(o.a0))) {
        path.faulted(guard);
        return false;
      }
      path.last = guard.executed.after.rdx << 32 | (guard.executed.after.rax & 0xffff'ffff);
      return true;
    default:
      return true;
  }
  std::uint64_t sample;
  path.last = 0;
  if (run_loop(guard, path, inputs_of(reader), 1, 1, &sample, path.last)) return true;
  path.faulted(guard);
  return false;
}

}  // namespace

bool time_instruction(PathRun& path, const InstructionOperands& operands) {
  Guard guard;
  Inputs in = inputs_of(operands);
  if (path.empty()) in.code = LoopCode::kEmpty;
  // Once, untimed: what its result is to be, and a fault before any time is spent.
  path.first = path.sum = 0;
  std::uint64_t sample;
  if (!run_loop(guard, path, in, 1, 1, &sample, path.first) ||
      (path.warmup() != 0 &&
       !run_loop(guard, path, in, path.warmup(), path.batch(), path.samples(), path.sum)) ||
      !run_loop(guard, path, in, path.count(), path.batch(), path.samples(), path.sum)) {
    path.faulted(guard);
    return false;
  }
  return path.empty() || read_back(path, operands);
}

void instruction_path(PathRun& path) {
  InstructionOperands o{path.loop(), path.argument(0), path.argument(1), path.argument(2)};
  switch (path.loop()) {
    case PathLoop::kRingPort:
      o = {PathLoop::kOut, protocol::kEventPort, 1, 4};
      break;
    case PathLoop::kRingMemory:
      o = {PathLoop::kMmioWrite, protocol::kEventAddress, 1};
      break;
    case PathLoop::kPmTimerRead:
      o = {PathLoop::kIn, protocol::kPmTimerPort, 4};
      break;
    case PathLoop::kHpetRead:
      o = {PathLoop::kMmioRead, protocol::kHpetAddress + protocol::kHpetCounter};
      break;
    default:
      break;
  }
  Guard guard;
  std::uint64_t before = 0;
  const bool keeps = path.loop() == PathLoop::kWrmsr && !path.empty();
  const auto msr = static_cast<std::uint32_t>(o.a0);
  if (keeps) {
    if (!guarded_rdmsr(guard, msr)) return path.faulted(guard);
    before = guard.executed.after.rdx << 32 | (guard.executed.after.rax & 0xffff'ffff);
  }
  if (!time_instruction(path, o)) return;
  if (keeps && !guarded_wrmsr(guard, msr, before)) return path.faulted(guard);
  path.done();
}

}  // namespace hypervet::guest
