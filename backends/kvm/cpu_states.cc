// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/cpu_states.h"

#include <algorithm>

#include "backends/kvm/idle.h"

namespace hypervet::kvm {
namespace {

constexpr std::size_t kLongestInstruction = 15;  // SDM vol. 2, 2.3.11
constexpr std::uint64_t kLongModeActive = 1u << 10;

// In 64-bit mode CS has no base; elsewhere RIP is an offset into a 4 GiB segment.
std::uint64_t linear_rip(const kvm_regs& regs, const kvm_sregs& sregs) {
  const bool long_mode = (sregs.efer & kLongModeActive) != 0 && sregs.cs.l != 0;
  return long_mode ? regs.rip : (sregs.cs.base + regs.rip) & 0xffff'ffff;
}

std::vector<std::uint8_t> code_at(const Vcpu& vcpu, PageSwap& pages, std::uint64_t linear) {
  std::vector<std::uint8_t> code;
  while (code.size() < kLongestInstruction) {
    const std::uint64_t at = linear + code.size();
    const std::uint64_t page_left = machine::kPageSize - at % machine::kPageSize;
    std::vector<std::uint8_t> part(std::min(kLongestInstruction - code.size(), page_left));
    const auto physical = vcpu.translate(at);
    if (!physical || !pages.read(*physical, part)) break;
    code.insert(code.end(), part.begin(), part.end());
  }
  return code;
}

protocol::RegisterFile register_file(const kvm_regs& regs) {
  return {.rax = regs.rax,
          .rcx = regs.rcx,
          .rdx = regs.rdx,
          .rbx = regs.rbx,
          .rsp = regs.rsp,
          .rbp = regs.rbp,
          .rsi = regs.rsi,
          .rdi = regs.rdi,
          .r8 = regs.r8,
          .r9 = regs.r9,
          .r10 = regs.r10,
          .r11 = regs.r11,
          .r12 = regs.r12,
          .r13 = regs.r13,
          .r14 = regs.r14,
          .r15 = regs.r15,
          .rip = regs.rip,
          .rflags = regs.rflags};
}

}  // namespace

std::vector<std::uint8_t> code_at_rip(const Vcpu& vcpu, PageSwap& pages) {
  const auto regs = vcpu.regs();
  const auto sregs = vcpu.sregs();
  if (!regs || !sregs) return {};
  return code_at(vcpu, pages, linear_rip(*regs, *sregs));
}

std::optional<backends::CpuState> state_of(const Vcpu& vcpu, PageSwap& pages) {
  const auto regs = vcpu.regs();
  const auto sregs = vcpu.sregs();
  const auto mode = vcpu.mp_state();
  if (!regs || !sregs) return std::nullopt;
  backends::CpuState state;
  state.registers = register_file(*regs);
  state.cr0 = sregs->cr0;
  state.cr2 = sregs->cr2;
  state.cr3 = sregs->cr3;
  state.cr4 = sregs->cr4;
  state.efer = sregs->efer;
  state.cs = sregs->cs.selector;
  state.halted = mode && mode->mp_state == KVM_MP_STATE_HALTED;
  state.code = code_at(vcpu, pages, linear_rip(*regs, *sregs));
  return state;
}

}  // namespace hypervet::kvm
