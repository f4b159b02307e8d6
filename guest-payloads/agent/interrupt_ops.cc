// SPDX-License-Identifier: Apache-2.0
// Handlers, what interrupts came, and the local APIC.
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

using protocol::EoiMode;

void handler_op(OpRun& run) {
  const auto eoi = static_cast<EoiMode>(run.op().variant);
  const std::uint64_t word = run.operand(1);
  if (eoi == EoiMode::kPv && !require_readable(run, word, 4)) return;
  Handler& handler = program.handlers[run.operand(0)];
  handler = {.first = run.index() + 1, .count = run.op().block, .eoi = eoi, .pv_eoi_word = word};
  run.done();
}

void counts_op(OpRun& run) {
  const std::uint64_t vector = run.operand(0);
  std::uint64_t counts[protocol::kMaxCpus];
  for (std::uint32_t i = 0; i < cpu_count; ++i) {
    counts[i] = __atomic_load_n(&cpus[i]->counts[vector], __ATOMIC_ACQUIRE);
  }
  run.values(counts, cpu_count);
}

void interrupt_log_op(OpRun& run) {
  const Cpu& cpu = *cpus[run.operand(0)];
  const std::uint32_t logged = __atomic_load_n(&cpu.logged, __ATOMIC_ACQUIRE);
  run.bytes(cpu.log, logged < kLogSize ? logged : kLogSize);
}

void send_icr_op(OpRun& run) {
  const auto low = static_cast<std::uint32_t>(run.operand(0));
  const auto destination = static_cast<std::uint32_t>(run.operand(1));
  Guard guard;
  const bool sent = this_cpu().x2apic
                        ? guarded_wrmsr(guard, kMsrX2Apic + kApicIcrLow / 16,
                                        std::uint64_t{destination} << 32 | low)
                        : guarded_store(guard, 4, kApicBase + kApicIcrHigh, destination << 24) &&
                              guarded_store(guard, 4, kApicBase + kApicIcrLow, low);
  sent ? run.done() : run.executed(guard);
}

void apic_read_op(OpRun& run) {
  const auto offset = static_cast<std::uint32_t>(run.operand(0));
  Guard guard;
  const bool read = this_cpu().x2apic ? guarded_rdmsr(guard, kMsrX2Apic + offset / 16)
                                      : guarded_load(guard, 4, kApicBase + offset);
  if (!read) return run.executed(guard);
  std::uint64_t value = guard.executed.after.rax & 0xffff'ffff;
  if (this_cpu().x2apic) value |= guard.executed.after.rdx << 32;  // the ICR has 64 bits there
  run.keep(value);
  run.values(&value, 1);
}

void apic_write_op(OpRun& run) {
  const auto offset = static_cast<std::uint32_t>(run.operand(0));
  const std::uint64_t value = run.operand(1);
  Guard guard;
  const bool written = this_cpu().x2apic ? guarded_wrmsr(guard, kMsrX2Apic + offset / 16, value)
                                         : guarded_store(guard, 4, kApicBase + offset, value);
  written ? run.done() : run.executed(guard);
}

void apic_mode_op(OpRun& run) {
  Guard guard;
  if (!guarded_rdmsr(guard, kMsrApicBase)) return run.executed(guard);
  const std::uint64_t base =
      guard.executed.after.rdx << 32 | (guard.executed.after.rax & 0xffff'ffff);
  const std::uint64_t off = base & ~(kApicBaseEnable | kApicBaseX2);
  const bool x2apic = run.operand(0) == 1;
  // From x2APIC the only way to xAPIC leads through "off" (SDM vol. 3, figure 11-9).
  if (!x2apic && (base & kApicBaseX2) != 0 && !guarded_wrmsr(guard, kMsrApicBase, off)) {
    return run.executed(guard);
  }
  if (!guarded_wrmsr(guard, kMsrApicBase, off | kApicBaseEnable | (x2apic ? kApicBaseX2 : 0))) {
    return run.executed(guard);
  }
  settle_apic();
  run.done();
}

namespace {

void run_handler_ops(Cpu& cpu, std::uint8_t vector, const Handler& handler) {
  const std::uint32_t context = cpu.context;
  const std::uint32_t op = current_op();
  cpu.context = vector;
  run_range(handler.first, handler.first + handler.count);
  cpu.context = context;
  resume_op(op);
}

void end_as(EoiMode mode, std::uint64_t word) {
  switch (mode) {
    case EoiMode::kApic:
      return end_of_interrupt();
    case EoiMode::kNone:
      return;
    case EoiMode::kPv:
      if (!test_and_clear_bit0(word)) end_of_interrupt();
      return;
  }
}

}  // namespace

void handle_interrupt(std::uint8_t vector) {
  if (vector == protocol::kSpuriousVector) {
    // A spurious interrupt has no ISR bit and wants no EOI (SDM vol. 3, 11.9); a sent one has and
    // does.
    if (in_service(vector)) end_of_interrupt();
    return;
  }
  const Handler handler = program.handlers[vector];
  if (handler.native != nullptr) return handler.native(handler.argument);
  if (handler.count != 0) run_handler_ops(this_cpu(), vector, handler);
  end_as(handler.eoi, handler.pv_eoi_word);
}

}  // namespace hypervet::guest
