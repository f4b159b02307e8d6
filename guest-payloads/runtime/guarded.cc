// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/guarded.h"

namespace hypervet::guest {

bool guarded_load(Guard& guard, unsigned width, std::uint64_t address) {
  guard.prepare().rbx = address;
  guard.run(by_width(Instruction::kLoad8, width), {});
  return !guard.faulted();
}

bool guarded_store(Guard& guard, unsigned width, std::uint64_t address, std::uint64_t value) {
  protocol::RegisterFile& r = guard.prepare();
  r.rbx = address;
  r.rax = value;
  guard.run(by_width(Instruction::kStore8, width), {});
  return !guard.faulted();
}

bool guarded_rdmsr(Guard& guard, std::uint32_t msr) {
  guard.prepare().rcx = msr;
  guard.run(Instruction::kRdmsr, {});
  return !guard.faulted();
}

bool guarded_wrmsr(Guard& guard, std::uint32_t msr, std::uint64_t value) {
  protocol::RegisterFile& r = guard.prepare();
  r.rcx = msr;
  r.rax = value & 0xffff'ffff;
  r.rdx = value >> 32;
  guard.run(Instruction::kWrmsr, {});
  return !guard.faulted();
}

}  // namespace hypervet::guest
