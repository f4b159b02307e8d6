// SPDX-License-Identifier: Apache-2.0
//
// Modes, privilege, interrupts and what the machine sees of a run.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/backends/sim/cpu/programs.h"
#include "tests/backends/sim/cpu/test_machine.h"

namespace hypervet::sim::testing {
namespace {

class ExecutionTest : public ::testing::Test {
 protected:
  ExecutionTest() { machine.long_mode(); }
  void raise(std::uint8_t vector) {
    machine.platform.interrupts.push_back(vector);
    machine.cpu.set_interrupt_line(true);
  }
  void enable_interrupts() {
    machine.edit([](CpuState& s) { s.rflags |= rflags::kIf; });
  }
  TestMachine machine;
};

TEST_F(ExecutionTest, BudgetIsExact) {
  machine.load(program("count_forever"));
  RunResult r = machine.cpu.run(7);
  EXPECT_EQ(r.reason, StopReason::budget);
  EXPECT_EQ(r.ticks, 7u);
  EXPECT_EQ(r.instructions, 7u);
  EXPECT_EQ(machine.gpr(kRax), 4u);
  r = machine.cpu.run(100001);
  EXPECT_EQ(r.instructions, 100001u);
  EXPECT_EQ(machine.gpr(kRax), 50004u);
  EXPECT_EQ(machine.cpu.instructions(), 100008u);
}

TEST_F(ExecutionTest, TimeStampCountsInstructions) {
  machine.load(program("rdtsc_twice"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 4u);  // rdtsc, mov, nop, nop
}

TEST_F(ExecutionTest, InterruptNeedsIf) {
  machine.load(program("count_forever"));
  raise(0x40);
  EXPECT_EQ(machine.run(100).reason, StopReason::budget);
  enable_interrupts();
  machine.cpu.set_interrupt_line(true);
  EXPECT_EQ(machine.run().reason, StopReason::halted);
  const Trap trap = machine.trap();
  EXPECT_EQ(trap.vector, 0x40);
  EXPECT_TRUE(trap.rflags & rflags::kIf);
  EXPECT_FALSE(machine.cpu.state().rflags & rflags::kIf);
}

TEST_F(ExecutionTest, TrapGateKeepsIf) {
  machine.set_gate(0x40, kHandlers + 16 * 0x40, 0, 0, 15);
  machine.load(program("count_forever"));
  enable_interrupts();
  raise(0x40);
  machine.run();
  EXPECT_TRUE(machine.cpu.state().rflags & rflags::kIf);
}

TEST_F(ExecutionTest, ShadowOfSti) {
  machine.load(program("sti_shadow"));
  raise(0x40);
  machine.run();
  EXPECT_EQ(machine.trap().vector, 0x40);
  EXPECT_EQ(machine.gpr(kRax), 1u) << "exactly one instruction after STI";
  EXPECT_EQ(machine.trap().rip, kProgram + 3);
}

TEST_F(ExecutionTest, ShadowOfMovSs) {
  machine.load(program("mov_ss_shadow"));
  enable_interrupts();
  machine.platform.on_port_out = [&](Cpu& cpu, std::uint16_t, std::uint32_t) {
    machine.platform.interrupts.push_back(0x40);
    (void)cpu;
  };
  machine.run(3);  // MOV SS has just been executed
  machine.cpu.set_interrupt_line(true);
  machine.run();
  EXPECT_EQ(machine.trap().vector, 0x40);
  EXPECT_EQ(machine.gpr(kRax), 1u);
}

TEST_F(ExecutionTest, InterruptFromInsidePlatformComesAfterTheInstruction) {
  constexpr std::uint8_t kCode[] = {0xe6, 0x10, 0xff, 0xc0, 0xf4};  // out; inc %eax; hlt
  machine.load(kCode);
  enable_interrupts();
  machine.platform.on_port_out = [&](Cpu&, std::uint16_t, std::uint32_t) { raise(0x41); };
  machine.run();
  EXPECT_EQ(machine.trap().vector, 0x41);
  EXPECT_EQ(machine.trap().rip, kProgram + 2);
}

TEST_F(ExecutionTest, RequestExitStopsAfterTheInstruction) {
  constexpr std::uint8_t kCode[] = {0xe6, 0x10, 0xff, 0xc0, 0xf4};
  machine.load(kCode);
  std::uint64_t rip = 0, ticks = 99;
  machine.platform.on_port_out = [&](Cpu& cpu, std::uint16_t, std::uint32_t) {
    rip = cpu.state().rip;
    ticks = cpu.ticks();
    cpu.request_exit();
  };
  const RunResult r = machine.run();
  EXPECT_EQ(r.reason, StopReason::stopped);
  EXPECT_EQ(r.ticks, 1u);
  EXPECT_EQ(rip, kProgram) << "state inside the call is exact";
  EXPECT_EQ(ticks, 0u);
  EXPECT_EQ(machine.cpu.state().rip, kProgram + 2);
}

TEST_F(ExecutionTest, RepeatedStringIsInterrupted) {
  machine.load(program("rep_stos"));
  machine.run(4 + 1000);
  EXPECT_EQ(machine.gpr(kRcx), 0x2000u - 1000);
  EXPECT_EQ(machine.gpr(kRdi), kData + 1000);
  EXPECT_EQ(machine.cpu.state().rip, kProgram + 13);
  enable_interrupts();
  raise(0x40);
  machine.run();
  EXPECT_EQ(machine.trap().vector, 0x40);
  EXPECT_EQ(machine.trap().rip, kProgram + 13) << "returns to the instruction";
  EXPECT_EQ(machine.gpr(kRcx), 0x2000u - 1000);
}

TEST_F(ExecutionTest, HaltWakesByInterruptKickAndNmi) {
  constexpr std::uint8_t kCode[] = {0xf4, 0xff, 0xc0, 0xf4};
  machine.load(kCode);
  enable_interrupts();
  EXPECT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.run().ticks, 0u) << "stays halted";
  EXPECT_TRUE(machine.cpu.wake());
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 1u);
  raise(0x42);
  machine.run();
  EXPECT_EQ(machine.trap().vector, 0x42);
  machine.cpu.pend_nmi();
  machine.run();
  EXPECT_EQ(machine.trap().vector, kNmi);
  EXPECT_TRUE(machine.cpu.state().nmi_blocked);
}

TEST_F(ExecutionTest, ToUserModeAndBack) {
  machine.set_gate(0x30, kHandlers + 16 * 0x30, 0, 3);
  machine.load(program("to_user_and_back"));
  machine.run();
  const Trap trap = machine.trap();
  EXPECT_EQ(trap.vector, 0x30);
  EXPECT_EQ(machine.gpr(kRbx), kUserCode64);
  EXPECT_EQ(trap.cs, kUserCode64);
  EXPECT_EQ(trap.ss, kUserData);
  EXPECT_EQ(trap.rsp, kUserStackTop);
  EXPECT_EQ(machine.gpr(kRsp), kRing0Top - 40);
  EXPECT_EQ(machine.cpu.cpl(), 0u);
}

TEST_F(ExecutionTest, SyscallAndSysret) {
  machine.load(program("system_call"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRbx), 0x2bu);
  EXPECT_EQ(machine.gpr(kRbp), 0x23u);
  EXPECT_EQ(machine.gpr(kRdi), 0x08u);
  EXPECT_EQ(machine.gpr(kR11), 0x202u);
  EXPECT_FALSE(machine.gpr(kRsi) & rflags::kIf);
  EXPECT_EQ(machine.cpu.cpl(), 0u);
}

TEST_F(ExecutionTest, Swapgs) {
  machine.memory.store<std::uint64_t>(kData, 5);
  machine.memory.store<std::uint64_t>(kData + 8, 6);
  machine.edit([](CpuState& s) {
    s.segment[kGs].base = kData + 8;
    s.kernel_gs_base = kData;
  });
  machine.load(program("swapgs"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 5u);
  EXPECT_EQ(machine.gpr(kRbx), 6u);
}

TEST_F(ExecutionTest, CompareExchange16) {
  machine.memory.store<std::uint64_t>(kData, 1);
  machine.memory.store<std::uint64_t>(kData + 8, 2);
  machine.load(program("compare_exchange_16"));
  machine.run();
  EXPECT_EQ(machine.qword(kData), 3u);
  EXPECT_EQ(machine.qword(kData + 8), 4u);
  EXPECT_EQ(machine.gpr(kRsi) & 0xff, 1u);
  EXPECT_EQ(machine.gpr(kR8) & 0xff, 0u);
  EXPECT_EQ(machine.gpr(kRax), 3u);
  EXPECT_EQ(machine.gpr(kRdx), 4u);
  EXPECT_EQ(machine.trap().vector, kGeneralProtection) << "not aligned to 16";
}

TEST_F(ExecutionTest, UnimplementedStopsWithItsBytes) {
  machine.load(program("vector_instruction"));
  EXPECT_EQ(machine.run().reason, StopReason::unimplemented);
  const Unimplemented& u = machine.cpu.unimplemented();
  EXPECT_STREQ(u.what, "pxor");
  ASSERT_EQ(u.length, 4);
  EXPECT_EQ(std::memcmp(u.bytes.data(), "\x66\x0f\xef\xc0", 4), 0);
  EXPECT_EQ(machine.cpu.state().rip, kProgram);
}

TEST_F(ExecutionTest, Hypercalls) {
  machine.load(program("hypercall"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRbx), 42u);
  EXPECT_EQ(machine.gpr(kRax), 43u);
  machine.long_mode();
  machine.platform.hypercall_result.fault = GuestFault{.vector = kInvalidOpcode, .error_code = {}};
  machine.run();
  EXPECT_EQ(machine.trap().vector, kInvalidOpcode);
  EXPECT_EQ(machine.trap().rip, kProgram + 5);
  machine.long_mode();
  machine.platform.hypercall_result = {.fault = {}, .advance = 5};  // skips MOV
  machine.run(3);
  EXPECT_EQ(machine.gpr(kRbx), 0u);
}

TEST_F(ExecutionTest, UnknownMsrFaults) {
  machine.load(program("unknown_msr"));
  machine.run();
  EXPECT_EQ(machine.trap().vector, kGeneralProtection);
  EXPECT_EQ(machine.trap().error, 0u);
  machine.long_mode();
  machine.platform.msrs[0x12345] = 0x1122334455;
  machine.run();
  EXPECT_EQ(machine.gpr(kRdx), 0x11u);
}

TEST_F(ExecutionTest, PauseYieldsAndCosts) {
  machine.load(program("pauses"));
  const RunResult r = machine.run();
  EXPECT_EQ(r.reason, StopReason::yield);
  EXPECT_EQ(r.ticks, 1001u);
  EXPECT_EQ(r.instructions, 1u);
  EXPECT_EQ(machine.run().reason, StopReason::halted);
}

TEST_F(ExecutionTest, CompatibilityMode) {
  machine.load(program("compatibility"));
  ASSERT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.trap().vector, -1);
  EXPECT_EQ(machine.gpr(kRbx), 1u);
}

TEST_F(ExecutionTest, PvhEntryToLongMode) {
  machine.protected_mode();
  machine.load(program("pvh_to_long"));
  ASSERT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.gpr(kRbx), 0x123456789abcdef0u);
  EXPECT_TRUE(machine.cpu.long_mode());
}

TEST_F(ExecutionTest, TrampolineAfterSipi) {
  machine.cpu.init();
  EXPECT_EQ(machine.run().reason, StopReason::wait_for_sipi);
  machine.load(program("trampoline"));
  machine.cpu.sipi(kProgram >> 12);
  ASSERT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.gpr(kRbx) & 0xffff, 0x1234u);
  EXPECT_EQ(machine.gpr(kRcx), 0x5555555555u);
  EXPECT_EQ(machine.cpu.code_width(), CodeWidth::bits64);
  machine.cpu.sipi(1);
  EXPECT_EQ(machine.cpu.state().segment[kCs].selector, kCode64) << "a second SIPI is ignored";
}

TEST_F(ExecutionTest, RealModeInterrupt) {
  machine.cpu.init();
  machine.run();
  machine.memory.store<std::uint32_t>(0x40 * 4, 0x20000050);  // 2000:0050
  machine.memory.store<std::uint8_t>(0x20050, 0xf4);
  machine.load(program("real_interrupt"));
  machine.cpu.sipi(kProgram >> 12);
  ASSERT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.cpu.state().segment[kCs].base, 0x20000u);
  EXPECT_EQ(machine.cpu.state().rip, 0x51u);
  EXPECT_EQ(machine.memory.load<std::uint16_t>(0x8000 - 6), 5);       // IP
  EXPECT_EQ(machine.memory.load<std::uint16_t>(0x8000 - 4), 0x1000);  // CS
}

}  // namespace
}  // namespace hypervet::sim::testing
