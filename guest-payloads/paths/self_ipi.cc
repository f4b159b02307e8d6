// SPDX-License-Identifier: Apache-2.0
// An IPI that a CPU sends to itself, ended at the APIC or through the PV EOI word (Linux,
// Documentation/virt/kvm/x86/msr.rst, MSR_KVM_PV_EOI_EN). The mode of the APIC is the machine's.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

namespace {

constexpr std::uint32_t kPvEoiMsr = 0x4b56'4d04;
constexpr std::uint64_t kWord = protocol::kPathAreaAddress, kEnable = 1;

struct Taken {
  std::uint64_t count = 0;
  std::uint64_t without_apic = 0;
};

std::uint64_t look(const std::uint64_t& count) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }

void end_at_apic(void* argument) {
  auto& taken = *static_cast<Taken*>(argument);
  end_of_interrupt();
  __atomic_store_n(&taken.count, taken.count + 1, __ATOMIC_RELAXED);
}

void end_by_word(void* argument) {
  auto& taken = *static_cast<Taken*>(argument);
  if (test_and_clear_bit0(kWord)) {
    ++taken.without_apic;
  } else {
    end_of_interrupt();
  }
  __atomic_store_n(&taken.count, taken.count + 1, __ATOMIC_RELAXED);
}

}  // namespace

void self_ipi_path(PathRun& path) {
  const bool by_word = path.loop() == protocol::PathLoop::kSelfIpiPvEoi;
  Guard guard;
  if (by_word && !guarded_wrmsr(guard, kPvEoiMsr, kWord | kEnable)) return path.faulted(guard);
  Taken taken;
  const NativeHandler handler(kPathVector, by_word ? end_by_word : end_at_apic, &taken);
  bool all;
  {
    const InterruptWindow window;
    std::uint64_t sent = 0;
    all = path.time([&] {
      ++sent;
      apic_write(kApicIcrLow, kIcrSelf | kIcrAssert | kPathVector);
      return soon([&] { return look(taken.count) >= sent; });
    });
  }
  if (by_word && !guarded_wrmsr(guard, kPvEoiMsr, 0)) return path.faulted(guard);
  path.sum = taken.count;
  path.last = taken.without_apic;
  all ? path.done() : path.failed(protocol::MeasureStatus::kLost);
}

}  // namespace hypervet::guest
