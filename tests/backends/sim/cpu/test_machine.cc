// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/sim/cpu/test_machine.h"

namespace hypervet::sim::testing {

std::uint64_t TestPlatform::mmio_read(Cpu&, std::uint64_t gpa, unsigned) {
  return mmio_value + (gpa & 0xfff);
}
void TestPlatform::mmio_write(Cpu&, std::uint64_t gpa, unsigned size, std::uint64_t value) {
  mmio_writes.push_back({gpa, size, value});
}
std::uint32_t TestPlatform::port_in(Cpu&, std::uint16_t port, unsigned) {
  return 0x5a000000u | port;
}
void TestPlatform::port_out(Cpu& cpu, std::uint16_t port, unsigned size, std::uint32_t value) {
  port_writes.push_back({port, size, value});
  if (on_port_out) on_port_out(cpu, port, value);
}
std::optional<std::uint64_t> TestPlatform::rdmsr(Cpu&, std::uint32_t msr) {
  const auto found = msrs.find(msr);
  if (found == msrs.end()) return std::nullopt;
  return found->second;
}
bool TestPlatform::wrmsr(Cpu&, std::uint32_t msr, std::uint64_t value) {
  const auto found = msrs.find(msr);
  if (found == msrs.end()) return false;
  found->second = value;
  return true;
}
CpuidResult TestPlatform::cpuid(Cpu&, std::uint32_t leaf, std::uint32_t subleaf) {
  return {leaf + 1, subleaf + 2, 0x33, 0x44};
}
HypercallResult TestPlatform::hypercall(Cpu& cpu, HypercallInstruction instruction) {
  cpu.set_gpr(kRax, cpu.gpr(kRax) * 2 + (instruction == HypercallInstruction::vmmcall ? 1 : 0));
  return hypercall_result;
}
std::optional<std::uint8_t> TestPlatform::acknowledge_interrupt(Cpu& cpu) {
  if (interrupts.empty()) return std::nullopt;
  const std::uint8_t vector = interrupts.front();
  interrupts.pop_front();
  if (interrupts.empty()) cpu.set_interrupt_line(false);
  return vector;
}
AbsentPage TestPlatform::page_absent(Cpu&, std::uint64_t, bool) { return absent; }

TestMachine::TestMachine(std::uint64_t ram) : memory(ram) { build_tables(); }

void TestMachine::build_tables() {
  constexpr std::uint64_t gdt[] = {
      0,
      0x00af9b000000ffff,               // 0x08 code, 64-bit
      0x00cf93000000ffff,               // 0x10 data
      0x00cf9b000000ffff,               // 0x18 code, 32-bit
      0x00cff3000000ffff,               // 0x20 user data
      0x00affb000000ffff,               // 0x28 user code, 64-bit
      0x0000890000000067 | kTss << 16,  // 0x30 TSS
      0,
      0x00cffb000000ffff,  // 0x40 user code, 32-bit
      0x00009b000000ffff,  // 0x48 code, 16-bit
      0x000093000000ffff,  // 0x50 data, 16-bit
  };
  for (std::size_t i = 0; i < std::size(gdt); ++i) memory.store(kGdt + 8 * i, gdt[i]);
  for (unsigned vector = 0; vector < 256; ++vector) {
    const std::uint64_t at = kHandlers + 16 * vector;
    memory.store<std::uint8_t>(at, 0xf4);  // hlt
    set_gate(static_cast<std::uint8_t>(vector), at);
  }
  memory.store<std::uint64_t>(kTss + 4, kRing0Top);
  memory.store<std::uint64_t>(kTss + 0x24, kIstTop);
  memory.store<std::uint16_t>(kTss + 0x66, 0x68);  // no I/O bitmap

  memory.store<std::uint64_t>(kPml4, kPdpt | 7);
  memory.store<std::uint64_t>(kPdpt, kPageDirectory | 7);
  memory.store<std::uint64_t>(kPdpt + 8 * 3, 0xc0000000 | 0x87);  // one page of 1 GiB: MMIO
  memory.store<std::uint64_t>(kPageDirectory, kPageTable | 7);
  for (std::uint64_t i = 1; i < 512; ++i) {
    memory.store<std::uint64_t>(kPageDirectory + 8 * i, i << 21 | 0x87);
  }
  for (std::uint64_t i = 0; i < 512; ++i) set_page(i << 12, 7);
}

void TestMachine::set_gate(std::uint8_t vector, std::uint64_t target, unsigned ist, unsigned dpl,
                           unsigned type) {
  const std::uint64_t low = (target & 0xffff) | std::uint64_t{kCode64} << 16 |
                            std::uint64_t{ist} << 32 | std::uint64_t{0x80 | dpl << 5 | type} << 40 |
                            (target >> 16 & 0xffff) << 48;
  memory.store<std::uint64_t>(kIdt + 16 * vector, low);
  memory.store<std::uint64_t>(kIdt + 16 * vector + 8, target >> 32);
}

void TestMachine::set_page(std::uint64_t page, std::uint64_t flags) {
  memory.store<std::uint64_t>(kPageTable + 8 * (page >> 12), page | flags);
}

std::uint64_t TestMachine::page_entry(std::uint64_t page) const {
  return qword(kPageTable + 8 * (page >> 12));
}

void TestMachine::edit(const std::function<void(CpuState&)>& change) {
  CpuState state = cpu.state();
  change(state);
  cpu.set_state(state);
}

void TestMachine::long_mode() {
  edit([](CpuState& s) {
    s = CpuState{};
    s.cr0 = cr0::kPe | cr0::kEt | cr0::kNe | cr0::kWp | cr0::kPg;
    s.cr3 = kPml4;
    s.cr4 = cr4::kPae;
    s.efer = efer::kLme | efer::kLma | efer::kNxe | efer::kSce;
    s.gdtr = {.base = kGdt, .limit = 0x57};
    s.idtr = {.base = kIdt, .limit = 0xfff};
    s.tr = {.selector = kTssSelector, .attributes = 0x8b, .limit = 0x67, .base = kTss};
    for (Segment& segment : s.segment) {
      segment = {.selector = kData0, .attributes = 0xc093, .limit = 0xffffffff, .base = 0};
    }
    s.segment[kCs] = {.selector = kCode64, .attributes = 0xa09b, .limit = 0xffffffff, .base = 0};
    s.rip = kProgram;
    s.gpr[kRsp] = kStackTop;
  });
}

void TestMachine::user_mode() {
  long_mode();
  edit([](CpuState& s) {
    for (Segment& segment : s.segment) {
      segment = {.selector = kUserData, .attributes = 0xc0f3, .limit = 0xffffffff, .base = 0};
    }
    s.segment[kCs] = {
        .selector = kUserCode64, .attributes = 0xa0fb, .limit = 0xffffffff, .base = 0};
    s.rflags = rflags::kFixed | rflags::kIf;
    s.gpr[kRsp] = kUserStackTop;
  });
}

void TestMachine::protected_mode() {
  long_mode();
  edit([](CpuState& s) {
    s.cr0 = cr0::kPe | cr0::kEt;
    s.cr4 = 0;
    s.efer = 0;
    s.segment[kCs] = {.selector = kCode32, .attributes = 0xc09b, .limit = 0xffffffff, .base = 0};
  });
}

void TestMachine::load(std::span<const std::uint8_t> bytes, std::uint64_t at) {
  memory.write(at, bytes);
}

Trap TestMachine::trap() const {
  Trap t;
  const std::uint64_t rip = cpu.state().rip - 1;
  if (cpu.state().activity != Activity::halted || rip < kHandlers || rip >= kHandlers + 16 * 256 ||
      rip % 16 != 0) {
    return t;
  }
  t.vector = static_cast<int>((rip - kHandlers) / 16);
  std::uint64_t at = gpr(kRsp);
  const bool has_error = t.vector == 8 || (t.vector >= 10 && t.vector <= 14) || t.vector == 17;
  if (has_error) {
    t.error = qword(at);
    at += 8;
  }
  t.rip = qword(at);
  t.cs = qword(at + 8);
  t.rflags = qword(at + 16);
  t.rsp = qword(at + 24);
  t.ss = qword(at + 32);
  return t;
}

}  // namespace hypervet::sim::testing
