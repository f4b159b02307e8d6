// SPDX-License-Identifier: Apache-2.0
// Reads where a vCPU is, for the outcome. Only while the vCPU is outside KVM_RUN.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/backend.h"
#include "backends/kvm/page_swap.h"
#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

// The bytes at RIP, at most 15 (the longest instruction); empty if they cannot be read.
std::vector<std::uint8_t> code_at_rip(const Vcpu& vcpu, PageSwap& pages);

// All but `op`. nullopt: the kernel does not tell.
std::optional<backends::CpuState> state_of(const Vcpu& vcpu, PageSwap& pages);

}  // namespace hypervet::kvm
