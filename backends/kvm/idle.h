// SPDX-License-Identifier: Apache-2.0
// Whether a halted vCPU can still be woken, read from KVM's state of it. To be called while all
// vCPUs are held outside KVM_RUN, or the answers do not fit together.
#pragma once

#include <optional>
#include <string>

#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

enum class Activity {
  kRuns,    // executes, or an event that it accepts is already there
  kSleeps,  // halted, but its APIC timer is going to wake it
  kBlocked  // halted or never started: only another CPU or a device can wake it
};

// nullopt: the kernel does not tell.
std::optional<Activity> activity_of(const Vcpu& vcpu);

}  // namespace hypervet::kvm
