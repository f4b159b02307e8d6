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

// The plain way first, as REP is slow under emulation; if that faults, on from there by REP under
// the guard, which tells all about the fault. Should it not fault the second time (a page that came
// back), all is done.
bool copy(Guard& guard, std::uint64_t to, std::uint64_t from, std::uint64_t size) {
  const std::uint64_t done = try_copy(to, from, size);
  return done == size ||
         string_op(guard, Instruction::kRepMovsb, to + done, from + done, size - done);
}

bool fill(Guard& guard, std::uint64_t to, std::uint64_t size, std::uint8_t byte) {
  const std::uint64_t done = try_fill(to, byte, size);
  return done == size || string_op(guard, Instruction::kRepStosb, to + done, byte, size - done);
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
  if (fill(guard, run.operand(0), run.operand(1), static_cast<std::uint8_t>(run.operand(2)))) {
    run.done();
  } else {
    run.executed(guard);
  }
}

void put_op(OpRun& run) {
  Guard guard;
  const auto data = reinterpret_cast<std::uint64_t>(program.data) + run.operand(1);
  copy(guard, run.operand(0), data, run.operand(2)) ? run.done() : run.executed(guard);
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
