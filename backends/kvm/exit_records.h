// SPDX-License-Identifier: Apache-2.0
// The hypercalls and MSR accesses that exited to user space, and what user space answers them.
// Thread-safe; these exits are rare, so a lock is cheap enough.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <mutex>
#include <optional>

namespace hypervet::kvm {

// MSR_KVM_MIGRATION_CONTROL (Documentation/virt/kvm/x86/msr.rst): the VMM's to handle.
inline constexpr std::uint32_t kMigrationControlMsr = 0x4b56'4d08;

class ExitRecords {
 public:
  // Records the exit and sets the guest's result.
  void hypercall(kvm_run& run);
  void set_hypercall_answer(std::uint64_t result);
  // HostVerb::kHypercallExit's fields; nullopt: there is no such field.
  std::optional<std::uint64_t> hypercall_field(std::uint64_t field) const;

  // KVM_EXIT_X86_RDMSR and KVM_EXIT_X86_WRMSR: records, performs and answers the access. An MSR
  // that is not the VMM's gives #GP.
  void msr(kvm_run& run);
  // HostVerb::kMsrExit's fields.
  std::optional<std::uint64_t> msr_field(std::uint64_t field) const;

 private:
  struct Hypercall {
    std::uint64_t count = 0, number = 0, arguments[3] = {}, flags = 0;
  };
  struct Msr {
    std::uint64_t count = 0, index = 0, value = 0, is_write = 0;
  };

  mutable std::mutex mutex_;
  Hypercall hypercall_;
  Msr msr_;
  std::uint64_t answer_ = 0;
  std::uint64_t migration_control_ =
      1;  // a guest without encrypted memory begins with live migration allowed
};

}  // namespace hypervet::kvm
