// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/processors.h"

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"
#include "guest-payloads/runtime/words.h"

namespace hypervet::guest {

extern "C" {
extern const std::uint8_t hv_trampoline[], hv_trampoline_end[];
extern std::uint32_t hv_places;
}

namespace {

// SDM vol. 3, 9.4.4 asks for 10 ms after INIT, for processors of the nineties. A virtual CPU keeps
// a start-up IPI that comes while INIT is under way, so a moment will do; whoever misses it gets
// another.
constexpr std::uint64_t kAfterInit = 20'000, kRepeatStartup = 10'000'000, kGiveUp = 5'000'000'000;

enum Release : std::uint32_t { kWait, kGo };
std::uint32_t ready;    // application CPUs that have started
std::uint32_t release;  // Release
bool use_x2apic;
void (*enter_idle)();

void wait(std::uint64_t nanoseconds) {
  for (const Deadline deadline(nanoseconds); !deadline.passed();) pause();
}

bool all_ready(std::uint32_t wanted) { return __atomic_load_n(&ready, __ATOMIC_ACQUIRE) >= wanted; }

void wake_all(std::uint32_t wanted) {
  constexpr std::uint32_t kVector = protocol::kTrampolineAddress >> 12;
  copy_words(reinterpret_cast<void*>(protocol::kTrampolineAddress), hv_trampoline,
             static_cast<std::uint64_t>(hv_trampoline_end - hv_trampoline + 7) / 8);
  send_icr(kIcrAllButSelf | kIcrAssert | kIcrInit, 0);
  wait(kAfterInit);
  const Deadline give_up(kGiveUp);
  while (!all_ready(wanted) && !give_up.passed()) {
    send_icr(kIcrAllButSelf | kIcrAssert | kIcrStartup | kVector, 0);
    for (const Deadline again(kRepeatStartup); !all_ready(wanted) && !again.passed();) pause();
  }
}

// Indexes follow the APIC ids, so that a program means the same CPU in every run, whoever came
// first.
void number_by_apic_id(std::uint32_t places) {
  for (std::uint32_t slot = 1; slot < places; ++slot) {
    Cpu* const cpu = &hv_cpus[slot];
    if (!__atomic_load_n(&cpu->started, __ATOMIC_ACQUIRE)) continue;
    std::uint32_t at = cpu_count++;
    for (; at > 1 && cpus[at - 1]->apic_id > cpu->apic_id; --at) cpus[at] = cpus[at - 1];
    cpus[at] = cpu;
  }
  for (std::uint32_t i = 1; i < cpu_count; ++i) cpus[i]->index = i;
}

}  // namespace

extern "C" void hv_application_cpu(std::uint32_t slot) {
  Cpu& cpu = hv_cpus[slot];
  load_descriptor_tables(cpu, slot);
  start_apic(use_x2apic);
  __atomic_store_n(&cpu.started, true, __ATOMIC_RELEASE);
  __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
  while (__atomic_load_n(&release, __ATOMIC_ACQUIRE) == kWait) pause();
  if (cpu.index != 0) enter_idle();
  for (;;) {  // came after the count was closed
    interrupts_off();
    halt();
  }
}

void start_processors(std::uint32_t wanted, bool x2apic, void (*enter)()) {
  cpus[0] = &this_cpu();
  cpu_count = 1;
  if (wanted <= 1) return;
  use_x2apic = x2apic;
  enter_idle = enter;
  hv_places = wanted;
  wake_all(wanted - 1);
  number_by_apic_id(wanted);
  __atomic_store_n(&release, kGo, __ATOMIC_RELEASE);
}

}  // namespace hypervet::guest
