// SPDX-License-Identifier: Apache-2.0
//
// A bare machine around one or more processors: a little RAM, a platform that records what it is
// asked, and helpers that put the processor into long mode with known tables.
//
// Every IDT entry leads to a HLT of its own (kHandlers + 16 * vector), so a test sees which
// exception came by where the processor has stopped: see trap().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/code_cache.h"
#include "backends/sim/cpu/cpu.h"

namespace hypervet::sim::testing {

inline constexpr std::uint64_t kGdt = 0x1000, kIdt = 0x2000, kTss = 0x3000, kPml4 = 0x4000,
                               kPdpt = 0x5000, kPageDirectory = 0x6000, kPageTable = 0x7000,
                               kStackTop = 0x9000, kRing0Top = 0xa000, kIstTop = 0xb000,
                               kUserStackTop = 0xc000, kProgram = 0x10000, kHandlers = 0x20000,
                               kData = 0x30000;
inline constexpr std::uint16_t kCode64 = 0x08, kData0 = 0x10, kCode32 = 0x18, kUserData = 0x23,
                               kUserCode64 = 0x2b, kTssSelector = 0x30, kUserCode32 = 0x43,
                               kCode16 = 0x48, kData16 = 0x50;

// The frame that an exception has pushed in long mode.
struct Trap {
  int vector = -1;
  std::optional<std::uint64_t> error;
  std::uint64_t rip = 0, cs = 0, rflags = 0, rsp = 0, ss = 0;
};

class TestPlatform : public Platform {
 public:
  std::uint64_t mmio_read(Cpu&, std::uint64_t gpa, unsigned size) override;
  void mmio_write(Cpu&, std::uint64_t gpa, unsigned size, std::uint64_t value) override;
  std::uint32_t port_in(Cpu&, std::uint16_t port, unsigned size) override;
  void port_out(Cpu&, std::uint16_t port, unsigned size, std::uint32_t value) override;
  std::optional<std::uint64_t> rdmsr(Cpu&, std::uint32_t msr) override;
  bool wrmsr(Cpu&, std::uint32_t msr, std::uint64_t value) override;
  CpuidResult cpuid(Cpu&, std::uint32_t leaf, std::uint32_t subleaf) override;
  HypercallResult hypercall(Cpu&, HypercallInstruction instruction) override;
  std::optional<std::uint8_t> acknowledge_interrupt(Cpu&) override;
  std::uint8_t read_cr8(Cpu&) override { return cr8; }
  void write_cr8(Cpu&, std::uint8_t value) override { cr8 = value; }
  std::uint64_t tsc(Cpu& cpu) override { return cpu.ticks(); }
  AbsentPage page_absent(Cpu&, std::uint64_t gpa, bool write) override;

  struct Access {
    std::uint64_t address;
    unsigned size;
    std::uint64_t value;
    bool operator==(const Access&) const = default;
  };
  std::vector<Access> mmio_writes, port_writes;
  std::uint64_t mmio_value = 0x1122334455667788;
  std::map<std::uint32_t, std::uint64_t> msrs;
  std::deque<std::uint8_t> interrupts;  // acknowledged in order
  std::uint8_t cr8 = 0;
  AbsentPage absent;
  HypercallResult hypercall_result;
  std::function<void(Cpu&, std::uint16_t, std::uint32_t)> on_port_out;
};

class TestMachine {
 public:
  explicit TestMachine(std::uint64_t ram = 4 << 20);

  // Long mode, CPL 0, everything identity-mapped with 4 KiB pages below 2 MiB and 2 MiB pages up to
  // 1 GiB, one of 1 GiB at 3 GiB, supervisor and user, RIP at kProgram, RSP at kStackTop.
  void long_mode();
  // The same at CPL 3, with RSP at kUserStackTop.
  void user_mode();
  // 32-bit protected mode without paging, as a PVH entry finds it.
  void protected_mode();

  void load(std::span<const std::uint8_t> code, std::uint64_t at = kProgram);
  // Until the processor halts or stops otherwise; a test that needs more than the budget fails.
  RunResult run(std::uint64_t budget = 100000) { return cpu.run(budget); }
  // The exception whose handler the processor has halted in.
  Trap trap() const;

  void set_gate(std::uint8_t vector, std::uint64_t target, unsigned ist = 0, unsigned dpl = 0,
                unsigned type = 14);
  // Flags of the 4 KiB page at `page` (below 2 MiB): present 1, writable 2, user 4, NX bit 63.
  void set_page(std::uint64_t page, std::uint64_t flags);
  std::uint64_t page_entry(std::uint64_t page) const;
  void edit(const std::function<void(CpuState&)>& change);
  std::uint64_t gpr(Gpr reg) const { return cpu.gpr(reg); }
  std::uint64_t qword(std::uint64_t gpa) const { return *memory.load<std::uint64_t>(gpa); }

  machine::GuestMemory memory;
  CodeCache code{memory};
  TestPlatform platform;
  Cpu cpu{platform, memory, code};

 private:
  void build_tables();
};

}  // namespace hypervet::sim::testing
