// SPDX-License-Identifier: Apache-2.0
// What KVM offers the guest by CPUID, and what of it works: cpuid.rst and
// KVM_CAP_ENFORCE_PV_FEATURE_CPUID. Fixed for the life of a machine.
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/backend.h"
#include "backends/pv/kvm_interface.h"
#include "backends/violations/events.h"

namespace hypervet::pv {

// Has the configuration this value for that setting, asked for or by default?
bool has_setting(const backends::Configuration& configuration, std::string_view name,
                 std::string_view value);

class KvmCpuid {
 public:
  explicit KvmCpuid(const backends::Configuration& configuration);

  // The leaf as the guest reads it, before any violation. `base` is what the machine has there;
  // hypervisor leaves do not look at it.
  violations::CpuidLeaf leaf(std::uint32_t leaf, const violations::CpuidLeaf& base) const;

  std::uint32_t features() const { return features_; }
  // May the guest use what this bit announces? Without enforcement KVM never looks at the bit
  // (guest_pv_has).
  bool usable(kvm::Feature feature) const {
    return !enforced_ || ((features_ >> feature) & 1) != 0;
  }

 private:
  violations::CpuidLeaf hypervisor_leaf(std::uint32_t leaf) const;
  violations::CpuidLeaf without(std::uint32_t leaf, violations::CpuidLeaf result) const;

  const backends::Configuration& configuration_;
  bool hyperv_;         // Hyper-V's leaves come first, KVM's are moved up
  std::uint32_t base_;  // of KVM's leaves
  std::uint32_t features_;
  std::uint32_t hints_;
  bool enforced_;
};

}  // namespace hypervet::pv
