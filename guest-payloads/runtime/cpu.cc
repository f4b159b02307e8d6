// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/cpu.h"

#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

extern "C" {
alignas(64) Cpu hv_cpus[protocol::kMaxCpus];
extern std::uint64_t hv_gdt_tss[];
extern const std::uint8_t hv_idt_pointer[];
}

Cpu* cpus[protocol::kMaxCpus];
std::uint32_t cpu_count;

namespace {
constexpr std::uint32_t kMsrGsBase = 0xc0000101;

// Available 64-bit TSS (SDM vol. 3, figure 7-4).
void describe_task(unsigned slot, const TaskState& task) {
  const auto base = reinterpret_cast<std::uint64_t>(&task);
  hv_gdt_tss[2 * slot] = (sizeof(TaskState) - 1) | ((base & 0xffffff) << 16) | (0x89ull << 40) |
                         ((base >> 24 & 0xff) << 56);
  hv_gdt_tss[2 * slot + 1] = base >> 32;
}
}  // namespace

void load_descriptor_tables(Cpu& cpu, unsigned slot) {
  cpu.self = &cpu;
  cpu.task.ist[0] = reinterpret_cast<std::uint64_t>(cpu.nmi_stack + sizeof cpu.nmi_stack);
  cpu.task.ist[1] =
      reinterpret_cast<std::uint64_t>(cpu.double_fault_stack + sizeof cpu.double_fault_stack);
  cpu.task.io_map = sizeof(TaskState);  // beyond the limit: no port is open to CPL 3
  describe_task(slot, cpu.task);
  asm volatile("lidt %0" : : "m"(hv_idt_pointer[0]));
  load_task_register(static_cast<std::uint16_t>(HV_SEL_TSS + 16 * slot));
  wrmsr(kMsrGsBase, reinterpret_cast<std::uint64_t>(&cpu));
}

}  // namespace hypervet::guest
