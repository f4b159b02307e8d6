// SPDX-License-Identifier: Apache-2.0
// What one CPU owns: its task state, its stacks, where it is in the program, what interrupts it
// took. GS points to it from the first instruction of C++ on. Fields are written by their own CPU,
// but for `job`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/constants.h"

namespace hypervet::guest {

struct Guard;

// 64-bit task-state segment (SDM vol. 3, figure 7-11).
struct [[gnu::packed]] TaskState {
  std::uint32_t reserved0;
  std::uint64_t rsp[3];
  std::uint64_t reserved1;
  std::uint64_t ist[7];
  std::uint64_t reserved2;
  std::uint16_t reserved3;
  std::uint16_t io_map;
};
static_assert(sizeof(TaskState) == 104);

// Work that another CPU hands over: ops [first, first + count) of the program, or a function of a
// scenario.
struct CpuJob {
  std::uint32_t busy;  // 1 from handing over until done
  std::uint32_t first;
  std::uint32_t count;
  void (*function)(void* argument, std::uint32_t cpu);  // null: the ops
  void* argument;
};

inline constexpr unsigned kLogSize = 256;

struct alignas(64) Cpu {
  Cpu* self;
  Guard* guard;           // the guard whose instruction may run now, else null
  std::uint64_t scratch;  // used between two instructions of the guard
  std::uint64_t unused;
  TaskState task;
  std::uint32_t index;  // 0: the boot CPU; the others in the order of their APIC ids
  std::uint32_t apic_id;
  bool x2apic;            // the mode its local APIC is in
  bool started;           // an application CPU is ready to be numbered
  std::uint32_t context;  // vector whose handler runs, 0: none
  CpuJob job;
  std::uint32_t counts[256];  // interrupts taken, by vector
  std::uint32_t logged;       // entries of log in use
  std::uint8_t log[kLogSize];
  alignas(16) std::uint8_t copy[4096];  // kRead's bytes on their way
  alignas(64) std::uint8_t nmi_stack[4096];
  std::uint8_t double_fault_stack[2048];
  std::uint8_t stack[16384];
};
static_assert(offsetof(Cpu, self) == HV_CPU_SELF);
static_assert(offsetof(Cpu, guard) == HV_CPU_GUARD);
static_assert(offsetof(Cpu, scratch) == HV_CPU_SCRATCH);
static_assert(offsetof(Cpu, task) + offsetof(TaskState, rsp) == HV_CPU_TSS_RSP0);
static_assert(offsetof(Cpu, stack) + sizeof(Cpu::stack) == HV_CPU_SIZE &&
              sizeof(Cpu) == HV_CPU_SIZE);

// In the order of arrival: element 0 is the boot CPU, entry.S gives each CPU its stack.
extern "C" Cpu hv_cpus[protocol::kMaxCpus];

// By index, filled while the CPUs come up.
extern Cpu* cpus[protocol::kMaxCpus];
extern std::uint32_t cpu_count;

inline Cpu& this_cpu() {
  Cpu* cpu;
  asm("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(HV_CPU_SELF));
  return *cpu;
}

// Loads GDT, IDT, task register and GS for a CPU that boots; to be called once on each, interrupts
// off.
void load_descriptor_tables(Cpu& cpu, unsigned slot);

}  // namespace hypervet::guest
