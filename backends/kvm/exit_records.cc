// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/exit_records.h"

namespace hypervet::kvm {

void ExitRecords::hypercall(kvm_run& run) {
  const std::lock_guard lock(mutex_);
  ++hypercall_.count;
  hypercall_.number = run.hypercall.nr;
  for (unsigned i = 0; i < 3; ++i) hypercall_.arguments[i] = run.hypercall.args[i];
  hypercall_.flags = run.hypercall.longmode;
  // The kernel leaves whatever was there, so it must always be set.
  run.hypercall.ret = answer_;
}

void ExitRecords::set_hypercall_answer(std::uint64_t result) {
  const std::lock_guard lock(mutex_);
  answer_ = result;
}

std::optional<std::uint64_t> ExitRecords::hypercall_field(std::uint64_t field) const {
  const std::lock_guard lock(mutex_);
  switch (field) {
    case 0:
      return hypercall_.count;
    case 1:
      return hypercall_.number;
    case 2:
    case 3:
    case 4:
      return hypercall_.arguments[field - 2];
    case 5:
      return hypercall_.flags;
    default:
      return std::nullopt;
  }
}

void ExitRecords::msr(kvm_run& run) {
  const std::lock_guard lock(mutex_);
  const bool is_write = run.exit_reason == KVM_EXIT_X86_WRMSR;
  const bool ours = run.msr.index == kMigrationControlMsr;
  // Only bit 0 is defined; the others are reserved.
  const bool reserved = is_write && (run.msr.data & ~std::uint64_t{1}) != 0;
  run.msr.error = ours && !reserved ? 0 : 1;
  if (run.msr.error == 0) {
    if (is_write)
      migration_control_ = run.msr.data;
    else
      run.msr.data = migration_control_;
  }
  ++msr_.count;
  msr_.index = run.msr.index;
  msr_.value = run.msr.data;
  msr_.is_write = is_write ? 1 : 0;
}

std::optional<std::uint64_t> ExitRecords::msr_field(std::uint64_t field) const {
  const std::lock_guard lock(mutex_);
  switch (field) {
    case 0:
      return msr_.count;
    case 1:
      return msr_.index;
    case 2:
      return msr_.value;
    case 3:
      return msr_.is_write;
    default:
      return std::nullopt;
  }
}

}  // namespace hypervet::kvm
