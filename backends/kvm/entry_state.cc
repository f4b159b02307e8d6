// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/entry_state.h"

namespace hypervet::kvm {
namespace {

constexpr std::uint64_t kCr0ProtectionEnable = 1;
constexpr std::uint64_t kCr0ExtensionType = 1u << 4;  // fixed to 1 since the 486
constexpr std::uint64_t kFlagsReserved = 2;           // RFLAGS bit 1 is always set

// SDM vol. 3 "Code- and Data-Segment Descriptor Types"; accessed, or the VM entry fails.
constexpr std::uint8_t kCodeReadAccessed = 11;
constexpr std::uint8_t kDataWriteAccessed = 3;
constexpr std::uint8_t kBusyTss32 = 11;

kvm_segment flat(std::uint8_t type, std::uint16_t selector) {
  kvm_segment segment{};
  segment.limit = 0xffff'ffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.db = 1;
  segment.s = 1;
  segment.g = 1;
  return segment;
}

kvm_segment task_state() {
  kvm_segment segment{};
  segment.limit = 0x67;
  segment.type = kBusyTss32;
  segment.present = 1;
  return segment;
}

}  // namespace

Result<int> enter_pvh(Vcpu& vcpu, std::uint32_t entry, std::uint64_t start_info) {
  auto sregs = vcpu.sregs();
  if (!sregs) return std::unexpected(sregs.error());
  sregs->cs = flat(kCodeReadAccessed, 0x08);
  sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = flat(kDataWriteAccessed, 0x10);
  sregs->tr = task_state();
  sregs->cr0 = kCr0ProtectionEnable | kCr0ExtensionType;
  sregs->cr3 = 0;
  sregs->cr4 = 0;
  sregs->efer = 0;
  // No descriptor tables yet: a fault before the guest has loaded its own is a triple fault, not a
  // walk through chance.
  sregs->gdt = {};
  sregs->idt = {};
  if (auto done = vcpu.set_sregs(*sregs); !done) return done;
  kvm_regs regs{};
  regs.rip = entry;
  regs.rbx = start_info;
  regs.rflags = kFlagsReserved;
  return vcpu.set_regs(regs);
}

}  // namespace hypervet::kvm
