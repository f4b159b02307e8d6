// SPDX-License-Identifier: Apache-2.0
// The KVM device itself: what this kernel offers, asked once. A System is immutable once open and
// shared by all threads.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <filesystem>
#include <vector>

#include "backends/kvm/ioctl.h"
#include "backends/kvm/tables.h"

namespace hypervet::kvm {

// What kGetSupportedCpuid or kGetSupportedHvCpuid answers.
Result<CpuidEntries> read_cpuid(const Fd& fd, Request request);

class System {
 public:
  // Opens the device. The error's number is 0 when the device opened but is of no use.
  static Result<System> open(const std::filesystem::path& device);

  const Fd& fd() const { return fd_; }
  // 0: not there; else as the capability's documentation says.
  int extension(unsigned long capability) const;
  bool has(unsigned long capability) const { return extension(capability) > 0; }
  // Size in bytes of a vCPU's shared kvm_run area.
  std::size_t run_size() const { return run_size_; }
  const CpuidEntries& supported_cpuid() const { return supported_cpuid_; }
  // Empty where the kernel does not tell them (KVM_CAP_SYS_HYPERV_CPUID).
  const CpuidEntries& hyperv_cpuid() const { return hyperv_cpuid_; }

 private:
  Fd fd_;
  std::size_t run_size_ = 0;
  CpuidEntries supported_cpuid_;
  CpuidEntries hyperv_cpuid_;
};

}  // namespace hypervet::kvm
