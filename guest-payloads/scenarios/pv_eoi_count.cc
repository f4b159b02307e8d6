// SPDX-License-Identifier: Apache-2.0
// Sends itself interrupts and ends each as a guest kernel does: through the PV EOI word if the host
// set its bit 0, else at the APIC (Linux, Documentation/virt/kvm/x86/msr.rst, MSR_KVM_EOI_EN).
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/waiting.h"
#include "guest-payloads/scenarios/scenario.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kPatience = 50'000'000;

struct Tally {
  std::uint64_t word;
  std::uint32_t other_bits_at_start;
  std::uint64_t taken, bit_set, skipped, apic_eois, other_bits;
};

std::uint32_t look(std::uint64_t word) {
  return *reinterpret_cast<const volatile std::uint32_t*>(word);
}

void on_vector(void* argument) {
  Tally& tally = *static_cast<Tally*>(argument);
  const std::uint32_t word = look(tally.word);
  tally.bit_set += word & 1;
  tally.other_bits += (word & ~1u) != tally.other_bits_at_start;
  if (test_and_clear_bit0(tally.word)) {
    ++tally.skipped;
  } else {
    end_of_interrupt();
    ++tally.apic_eois;
  }
  const std::uint64_t taken = tally.taken + 1;
  __atomic_store_n(&tally.taken, taken, __ATOMIC_RELEASE);
}

bool wait_for(const Tally& tally, std::uint64_t count) {
  return spin_until(Deadline(kPatience),
                    [&] { return __atomic_load_n(&tally.taken, __ATOMIC_ACQUIRE) >= count; });
}

}  // namespace

void pv_eoi_count(Scenario& scenario) {
  const std::uint64_t word = scenario.arguments[0];
  const auto vector = static_cast<std::uint8_t>(scenario.arguments[1]);
  if (!scenario.needs(word, 4)) return;
  Tally tally{};
  tally.word = word;
  tally.other_bits_at_start = look(word) & ~1u;
  const Handler saved = program.handlers[vector];
  program.handlers[vector] = {.native = on_vector, .argument = &tally};
  for (std::uint64_t i = 0; i < scenario.arguments[2]; ++i) {
    send_icr(kIcrSelf | kIcrAssert | vector, 0);
    if (!wait_for(tally, i + 1)) break;  // lost, or kept back behind one that never ended
  }
  const bool still_in_service = in_service(vector);
  program.handlers[vector] = saved;
  scenario.answer({tally.taken, tally.bit_set, tally.skipped, tally.apic_eois, tally.other_bits,
                   still_in_service});
}

}  // namespace hypervet::guest
