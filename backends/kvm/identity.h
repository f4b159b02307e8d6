// SPDX-License-Identifier: Apache-2.0
// Which hypervisor stands behind a KVM device, and why a device cannot be used. Functions without
// state; any thread.
#pragma once

#include <filesystem>
#include <string>

#include "backends/backend.h"
#include "backends/kvm/ioctl.h"

namespace hypervet::kvm {

// "kvm_intel", "kvm_amd", "kvm_pvm", ..., or "kvm" where it cannot be told. `root` is where /sys
// and /proc are mounted:
// "/" but in tests.
std::string vendor_module(const std::filesystem::path& root);

// "Linux 6.1.0-31 kvm_amd".
std::string target_name();

// Reason and mend for an error of System::open().
backends::Availability explain(const std::filesystem::path& device, const Error& error);

}  // namespace hypervet::kvm
