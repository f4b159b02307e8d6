// SPDX-License-Identifier: Apache-2.0
// The state a PVH guest begins in: 32-bit protected mode, paging off (Xen's docs/misc/pvh.pandoc).
// Runs in the thread that owns the vCPU.
#pragma once

#include <cstdint>

#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

// entry and start_info are guest-physical addresses.
Result<int> enter_pvh(Vcpu& vcpu, std::uint32_t entry, std::uint64_t start_info);

}  // namespace hypervet::kvm
