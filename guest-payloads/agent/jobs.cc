// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/agent/jobs.h"

#include "guest-payloads/agent/execute.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

namespace {

void hand_over(Cpu& cpu, const CpuJob& job) {
  if (!is_idle(cpu)) wait_until_idle(cpu, ~0ull);
  cpu.job.first = job.first;
  cpu.job.count = job.count;
  cpu.job.function = job.function;
  cpu.job.argument = job.argument;
  __atomic_store_n(&cpu.job.busy, 1, __ATOMIC_RELEASE);
  send_icr(kIcrAssert | protocol::kWakeVector, cpu.apic_id);
}

void run_job(const CpuJob& job, std::uint32_t cpu) {
  if (job.function != nullptr) return job.function(job.argument, cpu);
  run_range(job.first, job.first + job.count);
}

}  // namespace

void hand_over_ops(Cpu& cpu, std::uint32_t first, std::uint32_t count) {
  hand_over(cpu,
            {.busy = 1, .first = first, .count = count, .function = nullptr, .argument = nullptr});
}

void hand_over_function(Cpu& cpu, void (*function)(void*, std::uint32_t), void* argument) {
  hand_over(cpu, {.busy = 1, .first = 0, .count = 0, .function = function, .argument = argument});
}

bool is_idle(const Cpu& cpu) { return __atomic_load_n(&cpu.job.busy, __ATOMIC_ACQUIRE) == 0; }

bool wait_until_idle(const Cpu& cpu, std::uint64_t nanoseconds) {
  return spin_until(Deadline(nanoseconds), [&] { return is_idle(cpu); });
}

void serve_jobs() {
  Cpu& cpu = this_cpu();
  for (;;) {
    interrupts_off();
    if (is_idle(cpu)) {
      interrupts_on_and_halt();
      continue;
    }
    run_job(cpu.job, cpu.index);
    resume_op(protocol::kNoOp);
    __atomic_store_n(&cpu.job.busy, 0, __ATOMIC_RELEASE);
  }
}

}  // namespace hypervet::guest
