// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/agent/execute.h"

#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"

namespace hypervet::guest {

using protocol::FrameKind;
using protocol::OpCode;

Program program;

OpRun::OpRun(const protocol::Op& op, std::uint32_t index)
    : op_(op), stamp_{.op = index, .context = this_cpu().context, .tsc = rdtsc(), .tsc_end = 0} {}

std::uint64_t OpRun::operand(unsigned i) const {
  const protocol::Operand& o = op_.operands[i];
  if (o.slot == protocol::kNoSlot) return o.value;
  return o.value + __atomic_load_n(&program.slots[o.slot], __ATOMIC_RELAXED);
}

void OpRun::keep(std::uint64_t value) const {
  if (op_.result_slot == protocol::kNoSlot) return;
  __atomic_store_n(&program.slots[op_.result_slot], value, __ATOMIC_RELAXED);
}

void OpRun::send(FrameKind kind, const void* payload, std::uint32_t length) {
  if (stamp_.tsc_end == 0) stamp_.tsc_end = rdtsc();
  send_frame(kind, stamp_, payload, length);
}

void OpRun::done() { send(FrameKind::kDone, nullptr, 0); }

void OpRun::values(const std::uint64_t* values, std::uint32_t count) {
  if ((op_.flags & protocol::kOrEnd) != 0 && values[0] == 0)
    __atomic_store_n(&program.ended, true, __ATOMIC_RELAXED);
  send(FrameKind::kValues, values, count * 8);
}

void OpRun::bytes(const void* data, std::uint32_t size) { send(FrameKind::kBytes, data, size); }

void OpRun::executed(const Guard& guard) {
  stamp_.tsc = guard.tsc;
  stamp_.tsc_end = guard.tsc_end;
  send(FrameKind::kExecuted, &guard.executed, sizeof guard.executed);
}

void OpRun::waited(bool reached, std::uint64_t nanoseconds, std::uint64_t last) {
  const std::uint64_t answer[] = {reached, nanoseconds, last};
  values(answer, 3);
}

namespace {

void run_op(OpRun& run) {
  switch (run.op().code) {
    case OpCode::kCpuid:
    case OpCode::kRdmsr:
    case OpCode::kWrmsr:
    case OpCode::kIn:
    case OpCode::kOut:
    case OpCode::kLoad:
    case OpCode::kStore:
    case OpCode::kHypercall:
    case OpCode::kRdtsc:
      return instruction_op(run);
    case OpCode::kRead:
      return read_op(run);
    case OpCode::kFill:
      return fill_op(run);
    case OpCode::kPut:
      return put_op(run);
    case OpCode::kMap:
      return map_op(run);
    case OpCode::kHalt:
      return halt_op(run);
    case OpCode::kSettle:
      return settle_op(run);
    case OpCode::kAwaitMemory:
      return await_memory_op(run);
    case OpCode::kAwaitInterrupts:
      return await_interrupts_op(run);
    case OpCode::kHandler:
      return handler_op(run);
    case OpCode::kCounts:
      return counts_op(run);
    case OpCode::kInterruptLog:
      return interrupt_log_op(run);
    case OpCode::kSendIcr:
      return send_icr_op(run);
    case OpCode::kApicRead:
      return apic_read_op(run);
    case OpCode::kApicWrite:
      return apic_write_op(run);
    case OpCode::kApicMode:
      return apic_mode_op(run);
    case OpCode::kOnCpu:
      return on_cpu_op(run);
    case OpCode::kJoin:
      return join_op(run);
    case OpCode::kHost:
      return host_op(run);
    case OpCode::kScenario:
      return scenario_op(run);
    case OpCode::kRepeat:
      return repeat_op(run);
    case OpCode::kMeasure:
      return measure_op(run);
    case OpCode::kVirtioFind:
      return virtio_find_op(run);
    case OpCode::kVirtioRead:
      return virtio_read_op(run);
    case OpCode::kVirtioWrite:
      return virtio_write_op(run);
    case OpCode::kVirtioAwait:
      return virtio_await_op(run);
    case OpCode::kRegionRead:
      return region_read_op(run);
    case OpCode::kRegionWrite:
      return region_write_op(run);
    case OpCode::kVirtioNotify:
      return virtio_notify_op(run);
    case OpCode::kVirtioInterrupts:
      return virtio_interrupts_op(run);
    case OpCode::kVirtioCapability:
      return virtio_capability_op(run);
  }
}

}  // namespace

void run_range(std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t i = first; i < end; i += 1u + program.ops[i].block) {
    if (__atomic_load_n(&program.ended, __ATOMIC_RELAXED)) return;
    begin_op(i, this_cpu().context);
    OpRun run(program.ops[i], i);
    run_op(run);
  }
}

}  // namespace hypervet::guest
