// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_msrs.h"

namespace hypervet::pv {

using violations::Exit;
using violations::ExitKind;

// An MSR whose feature is not usable faults like one that does not exist. Those of the range that
// are not defined never exist.
bool KvmMsrs::offered(std::uint32_t index) const {
  switch (index) {
    case kvm::kMsrWallClock:
    case kvm::kMsrSystemTime:
      return host_.cpuid.usable(kvm::kClockSource);
    case kvm::kMsrWallClockNew:
    case kvm::kMsrSystemTimeNew:
      return host_.cpuid.usable(kvm::kClockSource2);
    case kvm::kMsrAsyncPfEn:
      return host_.cpuid.usable(kvm::kAsyncPf);
    case kvm::kMsrAsyncPfInt:
    case kvm::kMsrAsyncPfAck:
      return host_.cpuid.usable(kvm::kAsyncPfInt);
    case kvm::kMsrStealTime:
      return host_.cpuid.usable(kvm::kStealTime);
    case kvm::kMsrPvEoiEn:
      return host_.cpuid.usable(kvm::kPvEoi);
    case kvm::kMsrPollControl:
      return host_.cpuid.usable(kvm::kPollControl);
    case kvm::kMsrMigrationControl:
      return migration_control_;  // KVM itself does not know it
    default:
      return false;
  }
}

std::uint64_t* KvmMsrs::stored(unsigned cpu, std::uint32_t index) {
  CpuPart& part = host_.cpu(cpu);
  switch (index) {
    case kvm::kMsrWallClock:
    case kvm::kMsrWallClockNew:
      return &host_.state.wall_clock_msr;
    case kvm::kMsrSystemTime:
    case kvm::kMsrSystemTimeNew:
      return &part.clock.msr;
    case kvm::kMsrAsyncPfEn:
      return &part.async_pf.enable_msr;
    case kvm::kMsrAsyncPfInt:
      return &part.async_pf.vector_msr;
    case kvm::kMsrStealTime:
      return &part.steal.msr;
    case kvm::kMsrPvEoiEn:
      return &part.pv_eoi.msr;
    case kvm::kMsrPollControl:
      return &part.poll_control;
    case kvm::kMsrMigrationControl:
      return &host_.state.migration_control;
    default:
      return nullptr;  // MSR_KVM_ASYNC_PF_ACK keeps nothing
  }
}

std::optional<std::uint64_t> KvmMsrs::read(unsigned cpu, std::uint32_t index) {
  if (!offered(index)) return std::nullopt;
  if (index == kvm::kMsrMigrationControl) return exit_to_user_space(0, false);
  const std::uint64_t* value = stored(cpu, index);
  return value ? *value : 0;
}

bool KvmMsrs::write(unsigned cpu, std::uint32_t index, std::uint64_t value) {
  if (!offered(index)) return false;
  switch (index) {
    case kvm::kMsrWallClock:
    case kvm::kMsrWallClockNew:
      parts_.clock.write_wall_clock(cpu, value);
      return true;
    case kvm::kMsrSystemTime:
      parts_.clock.write_system_time(cpu, value, true);
      return true;
    case kvm::kMsrSystemTimeNew:
      parts_.clock.write_system_time(cpu, value, false);
      return true;
    case kvm::kMsrAsyncPfEn:
      return parts_.async_pf.write_enable(cpu, value);
    case kvm::kMsrAsyncPfInt:
      return parts_.async_pf.write_vector(cpu, value);
    case kvm::kMsrAsyncPfAck:
      parts_.async_pf.write_ack(cpu, value);
      return true;
    case kvm::kMsrStealTime:
      return parts_.steal_time.write(cpu, value);
    case kvm::kMsrPvEoiEn:
      return parts_.pv_eoi.write(cpu, value);
    case kvm::kMsrPollControl:
      if (value > 1) return false;
      host_.cpu(cpu).poll_control = value;
      return true;
    case kvm::kMsrMigrationControl:
      exit_to_user_space(value, true);
      return true;
    default:
      return false;
  }
}

void KvmMsrs::keep(unsigned cpu, std::uint32_t index, std::uint64_t value) {
  if (std::uint64_t* to = stored(cpu, index)) *to = value;
}

// KVM_EXIT_X86_RDMSR and _WRMSR, and a user space that keeps what was written.
std::uint64_t KvmMsrs::exit_to_user_space(std::uint64_t value, bool write) {
  KvmState& state = host_.state;
  const Exit exit = host_.interposer.exit({.kind = ExitKind::kMsr,
                                           .number = kvm::kMsrMigrationControl,
                                           .value = write ? value : state.migration_control,
                                           .write = write});
  if (exit.drop) return 0;
  ++state.msr_exits;
  state.last_msr_exit = exit;
  if (write) state.migration_control = exit.value;
  return exit.result.value_or(exit.value);
}

}  // namespace hypervet::pv
