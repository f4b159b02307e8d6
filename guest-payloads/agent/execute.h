// SPDX-License-Identifier: Apache-2.0
// Runs ops of the checked program on the CPU that calls. Reentrant: an interrupt taken in a waiting
// op runs the handler's ops in the midst of it.
#pragma once

#include <cstdint>

#include "guest-payloads/agent/program.h"
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/guard.h"
#include "guest-payloads/runtime/guarded.h"

namespace hypervet::guest {

// Runs ops [first, end), blocks at the discretion of the ops that own them.
void run_range(std::uint32_t first, std::uint32_t end);

// One op under way. Each op answers through it, exactly once.
class OpRun {
 public:
  OpRun(const protocol::Op& op, std::uint32_t index);

  const protocol::Op& op() const { return op_; }
  std::uint32_t index() const { return stamp_.op; }
  const Stamp& stamp() const { return stamp_; }
  // The value of an input: constant or slot plus constant.
  std::uint64_t operand(unsigned i) const;
  // Puts a value into the op's slot, if it has one.
  void keep(std::uint64_t value) const;

  void done();
  void values(const std::uint64_t* values, std::uint32_t count);
  void bytes(const void* data, std::uint32_t size);
  void executed(const Guard& guard);  // with the times of the instruction itself
  // The answer of all waiting ops.
  void waited(bool reached, std::uint64_t nanoseconds, std::uint64_t last);

 private:
  void send(protocol::FrameKind kind, const void* payload, std::uint32_t length);

  const protocol::Op& op_;
  Stamp stamp_;
};

// The ops, by file. Each gets an op of one of the codes that it is named after.
void instruction_op(OpRun& run);  // instruction_ops.cc
void read_op(OpRun& run);         // memory_ops.cc
void fill_op(OpRun& run);
void put_op(OpRun& run);
void map_op(OpRun& run);
void halt_op(OpRun& run);  // waiting_ops.cc
void settle_op(OpRun& run);
void await_memory_op(OpRun& run);
void await_interrupts_op(OpRun& run);
void handler_op(OpRun& run);  // interrupt_ops.cc
void counts_op(OpRun& run);
void interrupt_log_op(OpRun& run);
void send_icr_op(OpRun& run);
void apic_read_op(OpRun& run);
void apic_write_op(OpRun& run);
void apic_mode_op(OpRun& run);
void on_cpu_op(OpRun& run);  // control_ops.cc
void join_op(OpRun& run);
void host_op(OpRun& run);
void scenario_op(OpRun& run);
void repeat_op(OpRun& run);
void virtio_find_op(OpRun& run);  // virtio_ops.cc
void virtio_read_op(OpRun& run);
void virtio_write_op(OpRun& run);
void virtio_await_op(OpRun& run);
void region_read_op(OpRun& run);
void region_write_op(OpRun& run);
void virtio_notify_op(OpRun& run);
void virtio_interrupts_op(OpRun& run);
void virtio_capability_op(OpRun& run);
void measure_op(OpRun& run);  // guest-payloads/paths/measure_op.cc

// Is the processor's own hypercall instruction VMMCALL?
bool native_is_vmmcall();

// If [address, address + size) cannot be read, answers with the fault and returns false.
bool require_readable(OpRun& run, std::uint64_t address, std::uint64_t size);

// traps.h's InterruptHook: runs the vector's handler and ends the interrupt (interrupt_ops.cc).
void handle_interrupt(std::uint8_t vector);

}  // namespace hypervet::guest
