// SPDX-License-Identifier: Apache-2.0
// APIC registers: SDM vol. 3 "Local APIC Register Address Map", "APIC Timer", "Task and Processor
// Priorities".
#include "backends/kvm/idle.h"

#include <algorithm>
#include <cstring>

namespace hypervet::kvm {
namespace {

constexpr std::uint64_t kInterruptFlag = 1u << 9;
constexpr unsigned kTaskPriority = 0x80, kInService = 0x100, kRequested = 0x200, kLvtTimer = 0x320,
                   kInitialCount = 0x380, kCurrentCount = 0x390;
constexpr unsigned kVectors = 256, kVectorsPerRegister = 32, kRegisterStride = 16;
constexpr std::uint32_t kMasked = 1u << 16;
constexpr std::uint32_t kTimerModeMask = 3u << 17;
constexpr std::uint32_t kTimerOneShot = 0, kTimerDeadline = 2u << 17;
constexpr std::uint32_t kTscDeadlineMsr = 0x6e0;

std::uint32_t apic_register(const kvm_lapic_state& apic, unsigned offset) {
  std::uint32_t value;
  std::memcpy(&value, apic.regs + offset, sizeof(value));
  return value;
}

// The highest vector set in a bitmap of the APIC, 0 for none: vectors below 16 do not exist.
unsigned highest(const kvm_lapic_state& apic, unsigned bitmap) {
  for (unsigned i = kVectors / kVectorsPerRegister; i-- > 0;) {
    const std::uint32_t bits = apic_register(apic, bitmap + i * kRegisterStride);
    if (bits != 0) {
      return i * kVectorsPerRegister + 31 - static_cast<unsigned>(__builtin_clz(bits));
    }
  }
  return 0;
}

bool interrupt_waits(const kvm_lapic_state& apic) {
  const unsigned priority =
      std::max(apic_register(apic, kTaskPriority) >> 4, highest(apic, kInService) >> 4);
  return highest(apic, kRequested) >> 4 > priority;
}

bool timer_runs(const Vcpu& vcpu, const kvm_lapic_state& apic) {
  const std::uint32_t timer = apic_register(apic, kLvtTimer);
  if ((timer & kMasked) != 0) return false;
  switch (timer & kTimerModeMask) {
    case kTimerOneShot:
      return apic_register(apic, kCurrentCount) != 0;
    case kTimerDeadline:
      return vcpu.msr(kTscDeadlineMsr).value_or(0) != 0;
    default:
      return apic_register(apic, kInitialCount) != 0;  // periodic
  }
}

}  // namespace

std::optional<Activity> activity_of(const Vcpu& vcpu) {
  const auto state = vcpu.mp_state();
  if (!state) return std::nullopt;
  switch (state->mp_state) {
    case KVM_MP_STATE_UNINITIALIZED:  // waits for INIT and SIPI
    case KVM_MP_STATE_INIT_RECEIVED:
      return Activity::kBlocked;
    case KVM_MP_STATE_HALTED:
      break;
    default:
      return Activity::kRuns;
  }
  const auto events = vcpu.events();
  const auto regs = vcpu.regs();
  const auto apic = vcpu.lapic();
  if (!events || !regs || !apic) return std::nullopt;
  if (events->nmi.pending != 0 || events->interrupt.injected != 0 || events->smi.pending != 0) {
    return Activity::kRuns;
  }
  // With interrupts off a halt ends by NMI, INIT or a paravirtual kick alone, none of which a timer
  // gives.
  if ((regs->rflags & kInterruptFlag) == 0) return Activity::kBlocked;
  if (interrupt_waits(*apic)) return Activity::kRuns;
  return timer_runs(vcpu, *apic) ? Activity::kSleeps : Activity::kBlocked;
}

}  // namespace hypervet::kvm
