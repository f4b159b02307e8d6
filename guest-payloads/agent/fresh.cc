// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/agent/fresh.h"

#include "guest-payloads/agent/execute.h"
#include "guest-payloads/agent/jobs.h"
#include "guest-payloads/drivers/virtio_reset.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/nap.h"
#include "guest-payloads/runtime/paging.h"
#include "guest-payloads/runtime/words.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kPatience = 1'000'000'000;  // nanoseconds for a CPU to become idle

// What KVM writes to, or does, until it is told otherwise (Linux,
// Documentation/virt/kvm/x86/msr.rst).
struct KvmMsr {
  std::uint32_t msr;
  std::uint64_t at_reset;
};
constexpr KvmMsr kKvmMsrs[] = {
    {0x4b56'4d01, 0},  // MSR_KVM_SYSTEM_TIME_NEW
    {0x4b56'4d02, 0},  // MSR_KVM_ASYNC_PF_EN
    {0x4b56'4d03, 0},  // MSR_KVM_STEAL_TIME
    {0x4b56'4d04, 0},  // MSR_KVM_EOI_EN
    {0x4b56'4d05, 1},  // MSR_KVM_POLL_CONTROL
    {0x12, 0},         // MSR_KVM_SYSTEM_TIME
};

bool find_kvm() {
  // Beside Hyper-V's leaves KVM's are moved up by 0x100 (Documentation/virt/kvm/x86/cpuid.rst).
  for (std::uint32_t leaf = 0x4000'0000; leaf <= 0x4000'0100; leaf += 0x100) {
    const CpuidResult r = cpuid(leaf);
    if (r.ebx == 0x4b4d'564b && r.ecx == 0x564b'4d56 && r.edx == 0x4d) return true;
  }
  return false;
}

// Before any interrupt can be taken: nothing that is in service may keep others back.
void end_all_in_service() {
  for (unsigned rounds = 0; rounds < 256; ++rounds) {
    bool any = false;
    for (std::uint32_t i = 0; i < 8; ++i) any = any || apic_read(kApicIsr + i * 0x10) != 0;
    if (!any) return;
    end_of_interrupt();
  }
}

bool any_requested() {
  for (std::uint32_t i = 0; i < 8; ++i) {
    if (apic_read(kApicIrr + i * 0x10) != 0) return true;
  }
  return false;
}

// What is pending is taken now, with no handler set; what keeps coming is not a program's of
// before.
bool take_all_requested() {
  for (unsigned rounds = 0; rounds < 1000; ++rounds) {
    if (!any_requested()) return true;
    interrupts_on();
    pause();
    interrupts_off();
  }
  return false;
}

struct Wanted {
  bool x2apic;
  bool kvm;
  bool fit;  // cleared by a CPU that is not
};

void make_cpu_fresh(void* argument, std::uint32_t) {
  auto& wanted = *static_cast<Wanted*>(argument);
  Cpu& cpu = this_cpu();
  Guard guard;
  restart_apic(wanted.x2apic);
  end_all_in_service();
  if (!take_all_requested()) __atomic_store_n(&wanted.fit, false, __ATOMIC_RELAXED);
  if (wanted.kvm) {
    for (const KvmMsr& each : kKvmMsrs) guarded_wrmsr(guard, each.msr, each.at_reset);
  }
  flush_tlb();
  cpu.context = 0;
  cpu.logged = 0;
  clear_words(cpu.counts, sizeof cpu.counts / 8);
}

bool all_idle() {
  for (std::uint32_t i = 1; i < cpu_count; ++i) {
    if (!wait_until_idle(*cpus[i], kPatience)) return false;
  }
  return true;
}

}  // namespace

void clear_arena(std::uint64_t size) {
  const std::uint64_t bounded = size < protocol::kArenaSize ? size : protocol::kArenaSize;
  clear_words(reinterpret_cast<void*>(protocol::kArenaAddress), (bounded + 7) / 8);
}

void clear_first_page() { clear_words(reinterpret_cast<void*>(protocol::kHighAlias), 4096 / 8); }

bool make_fresh(bool x2apic) {
  static const bool kvm = find_kvm();
  if (!all_idle() || !put_away_virtio_device()) return false;
  for (Handler& handler : program.handlers) handler = {};
  clear_words(program.slots, protocol::kMaxSlots);
  program.ended = false;
  clear_window();
  clear_first_page();
  allow_naps(false);
  Wanted wanted{.x2apic = x2apic, .kvm = kvm, .fit = true};
  make_cpu_fresh(&wanted, 0);
  for (std::uint32_t i = 1; i < cpu_count; ++i) {
    hand_over_function(*cpus[i], make_cpu_fresh, &wanted);
  }
  return all_idle() && __atomic_load_n(&wanted.fit, __ATOMIC_RELAXED);
}

}  // namespace hypervet::guest
