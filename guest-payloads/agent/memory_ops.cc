// SPDX-License-Identifier: Apache-2.0
// Ops on stretches of memory, as REP string instructions under the guard.
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/paging.h"

namespace hypervet::guest {

namespace {

// One REP instruction; RSI or RAX are what `source` says. False: it faulted.
bool string_op(Guard& guard, Instruction instruction, std::uint64_t to, std::uint64_t source,
               std::uint64_t count) {
  protocol::RegisterFile& r = guard.prepare();
  r.rdi = to;
  r.rsi = source;
  r.rax = source;
  r.rcx = count;
  guard.run(instruction, {});
  return !guard.faulted();
}

// Words first, then the bytes that are left.
bool copy(Guard& guard, std::uint64_t to, std::uint64_t from, std::uint64_t size) {
  const std::uint64_t words = size / 8;
  if (words != 0 && !string_op(guard, Instruction::kRepMovsq, to, from, words)) return false;
  return size % 8 == 0 ||
         string_op(guard, Instruction::kRepMovsb, to + words * 8, from + words * 8, size % 8);
}

bool fill(Guard& guard, std::uint64_t to, std::uint64_t size, std::uint64_t byte) {
  const std::uint64_t words = size / 8;
  if (words != 0 &&
      !string_op(guard, Instruction::kRepStosq, to, byte * 0x0101'0101'0101'0101, words)) {
    return false;
  }
  return size % 8 == 0 || string_op(guard, Instruction::kRepStosb, to + words * 8, byte, size % 8);
}

}  // namespace

void read_op(OpRun& run) {
  Guard guard;
  std::uint8_t* const bytes = this_cpu().copy;
  const std::uint64_t size = run.operand(1);
  // A handler that reads while this CPU's buffer is on its way cannot come: interrupts are off
  // here.
  if (copy(guard, reinterpret_cast<std::uint64_t>(bytes), run.operand(0), size)) {
    run.bytes(bytes, static_cast<std::uint32_t>(size));
  } else {
    run.executed(guard);
  }
}

void fill_op(OpRun& run) {
  Guard guard;
  if (fill(guard, run.operand(0), run.operand(1), run.operand(2))) {
    run.done();
  } else {
    run.executed(guard);
  }
}

void map_op(OpRun& run) {
  map_window(run.operand(0), run.operand(1), run.operand(2));
  run.done();
}

bool require_readable(OpRun& run, std::uint64_t address, std::uint64_t size) {
  Guard guard;
  if (guarded_load(guard, 1, address) && guarded_load(guard, 1, address + size - 1)) return true;
  run.executed(guard);
  return false;
}

}  // namespace hypervet::guest
