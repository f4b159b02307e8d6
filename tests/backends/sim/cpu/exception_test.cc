// SPDX-License-Identifier: Apache-2.0
//
// Exceptions as a guest sees them: vector, error code, CR2, the frame, IST, #DF, triple fault.
#include <gtest/gtest.h>

#include "tests/backends/sim/cpu/programs.h"
#include "tests/backends/sim/cpu/test_machine.h"

namespace hypervet::sim::testing {
namespace {

constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;

class ExceptionTest : public ::testing::Test {
 protected:
  Trap run(std::span<const std::uint8_t> program) {
    machine.load(program);
    result = machine.run();
    return machine.trap();
  }
  TestMachine machine;
  RunResult result;
};

TEST_F(ExceptionTest, WriteToReadOnlyPage) {
  machine.long_mode();
  machine.set_page(kData, 1);
  const Trap trap = run(program("page_fault_write"));
  EXPECT_EQ(trap.vector, kPageFault);
  EXPECT_EQ(trap.error, page_fault::kPresent | page_fault::kWrite);
  EXPECT_EQ(machine.cpu.state().cr2, kData);
  EXPECT_EQ(trap.rip, kProgram + 5);
  EXPECT_EQ(trap.cs, kCode64);
  EXPECT_EQ(trap.ss, kData0);
  EXPECT_EQ(trap.rsp, kStackTop);
  EXPECT_TRUE(trap.rflags & rflags::kRf);
}

TEST_F(ExceptionTest, SupervisorMayWriteReadOnlyPageWithoutWp) {
  machine.long_mode();
  machine.edit([](CpuState& s) { s.cr0 &= ~cr0::kWp; });
  machine.set_page(kData, 1);
  EXPECT_EQ(run(program("page_fault_write")).vector, -1);
  EXPECT_EQ(machine.memory.load<std::uint32_t>(kData), 1u);
  EXPECT_EQ(machine.page_entry(kData) & 0x60, 0x60u) << "accessed and dirty";
}

TEST_F(ExceptionTest, AbsentPageAndAccessedBit) {
  machine.long_mode();
  machine.set_page(kData, 0);
  EXPECT_EQ(run(program("page_fault_read")).error, 0u);
  machine.long_mode();
  machine.set_page(kData, 3);
  EXPECT_EQ(run(program("page_fault_read")).vector, -1);
  EXPECT_EQ(machine.page_entry(kData) & 0x60, 0x20u) << "accessed, not dirty";
}

TEST_F(ExceptionTest, UserReadsSupervisorPage) {
  machine.user_mode();
  machine.set_page(kData, 3);
  const Trap trap = run(program("page_fault_read"));
  EXPECT_EQ(trap.vector, kPageFault);
  EXPECT_EQ(trap.error, page_fault::kPresent | page_fault::kUser);
  EXPECT_EQ(trap.cs, kUserCode64);
  EXPECT_EQ(trap.ss, kUserData);
  EXPECT_EQ(trap.rsp, kUserStackTop);
  EXPECT_EQ(machine.cpu.state().gpr[kRsp], kRing0Top - 48) << "stack of the TSS";
  EXPECT_EQ(machine.cpu.state().segment[kSs].selector, 0);
}

TEST_F(ExceptionTest, FetchFromNoExecutePage) {
  machine.long_mode();
  machine.set_page(kData, 3 | kNoExecute);
  const Trap trap = run(program("jump_to_data"));
  EXPECT_EQ(trap.vector, kPageFault);
  EXPECT_EQ(trap.error, page_fault::kPresent | page_fault::kFetch);
  EXPECT_EQ(trap.rip, kData);
}

TEST_F(ExceptionTest, ReservedBits) {
  machine.long_mode();
  machine.set_page(kData, 3 | std::uint64_t{1} << 50);
  EXPECT_EQ(run(program("page_fault_read")).error, page_fault::kPresent | page_fault::kReserved);
  machine.long_mode();
  machine.edit([](CpuState& s) { s.efer &= ~efer::kNxe; });
  machine.set_page(kData, 3 | kNoExecute);
  EXPECT_EQ(run(program("page_fault_read")).error, page_fault::kPresent | page_fault::kReserved);
}

TEST_F(ExceptionTest, NonCanonicalAddresses) {
  machine.long_mode();
  EXPECT_EQ(run(program("non_canonical_load")).vector, kGeneralProtection);
  machine.long_mode();
  const Trap trap = run(program("non_canonical_stack"));
  EXPECT_EQ(trap.vector, kStackFault);
  EXPECT_EQ(trap.error, 0u);
}

TEST_F(ExceptionTest, DivideUndefinedSelector) {
  machine.long_mode();
  Trap trap = run(program("divide_by_zero"));
  EXPECT_EQ(trap.vector, kDivideError);
  EXPECT_EQ(trap.rip, kProgram + 2);
  machine.long_mode();
  EXPECT_EQ(run(program("undefined")).vector, kInvalidOpcode);
  machine.long_mode();
  EXPECT_EQ(run(program("illegal_lock")).vector, kInvalidOpcode);
  machine.long_mode();
  trap = run(program("bad_selector"));
  EXPECT_EQ(trap.vector, kGeneralProtection);
  EXPECT_EQ(trap.error, 0x58u);
}

TEST_F(ExceptionTest, SoftwareInterruptPointsBehindItself) {
  machine.long_mode();
  const Trap trap = run(program("software_interrupt"));
  EXPECT_EQ(trap.vector, 0x21);
  EXPECT_EQ(trap.rip, kProgram + 2);
  EXPECT_FALSE(trap.rflags & rflags::kRf);
}

TEST_F(ExceptionTest, UserMayNotUseGateOfTheKernel) {
  machine.user_mode();
  const Trap trap = run(program("software_interrupt"));
  EXPECT_EQ(trap.vector, kGeneralProtection);
  EXPECT_EQ(trap.error, 0x21 * 8 + 2u);
  EXPECT_EQ(trap.rip, kProgram);
}

TEST_F(ExceptionTest, PrivilegedInUserMode) {
  for (auto code : {program("user_privileged"), program("user_port")}) {
    machine.user_mode();
    const Trap trap = run(code);
    EXPECT_EQ(trap.vector, kGeneralProtection);
    EXPECT_EQ(trap.error, 0u);
  }
}

TEST_F(ExceptionTest, PortInUserModeByBitmapAndByIopl) {
  machine.user_mode();
  machine.edit([](CpuState& s) { s.tr.limit = 0x67 + 0x20; });
  machine.load(program("user_port"));
  machine.run();
  // HLT after the port access is privileged too: the fault is there, not at IN.
  EXPECT_EQ(machine.trap().rip, kProgram + 6);
  machine.user_mode();
  machine.edit([](CpuState& s) { s.rflags |= rflags::kIopl; });
  machine.run();
  EXPECT_EQ(machine.trap().rip, kProgram + 6);
  EXPECT_EQ(machine.gpr(kRax) & 0xff, 0x60u);
}

TEST_F(ExceptionTest, InterruptStackTable) {
  machine.long_mode();
  machine.set_gate(kInvalidOpcode, kHandlers + 16 * kInvalidOpcode, 1);
  const Trap trap = run(program("undefined"));
  EXPECT_EQ(trap.vector, kInvalidOpcode);
  EXPECT_EQ(machine.gpr(kRsp), kIstTop - 40);
  EXPECT_EQ(trap.rsp, kStackTop);
}

TEST_F(ExceptionTest, FrameIsAligned) {
  machine.long_mode();
  machine.edit([](CpuState& s) { s.gpr[kRsp] -= 5; });
  const Trap trap = run(program("undefined"));
  EXPECT_EQ(trap.rsp, kStackTop - 5);
  EXPECT_EQ(machine.gpr(kRsp) % 8, 0u);
  EXPECT_EQ((machine.gpr(kRsp) + 40) % 16, 0u);
}

TEST_F(ExceptionTest, DoubleFaultWhenTheGateIsMissing) {
  machine.long_mode();
  machine.memory.store<std::uint64_t>(kIdt + 16 * kPageFault, 0);
  machine.memory.store<std::uint64_t>(kIdt + 16 * kGeneralProtection, 0);
  machine.set_page(kData, 0);
  const Trap trap = run(program("page_fault_read"));
  EXPECT_EQ(trap.vector, kDoubleFault);
  EXPECT_EQ(trap.error, 0u);
  EXPECT_EQ(trap.rip, kProgram + 5);
}

TEST_F(ExceptionTest, BenignThenFaultIsNoDoubleFault) {
  machine.long_mode();
  machine.memory.store<std::uint64_t>(kIdt + 16 * kInvalidOpcode, 0);
  const Trap trap = run(program("undefined"));
  EXPECT_EQ(trap.vector, kGeneralProtection);
  EXPECT_EQ(trap.error, kInvalidOpcode * 8 + 3u);
}

TEST_F(ExceptionTest, NotPresentGate) {
  machine.long_mode();
  const auto low = machine.qword(kIdt + 16 * kInvalidOpcode);
  machine.memory.store<std::uint64_t>(kIdt + 16 * kInvalidOpcode, low & ~(std::uint64_t{1} << 47));
  const Trap trap = run(program("undefined"));
  EXPECT_EQ(trap.vector, kNotPresent);
  EXPECT_EQ(trap.error, kInvalidOpcode * 8 + 3u);
}

TEST_F(ExceptionTest, TripleFaultShutsDown) {
  machine.long_mode();
  machine.edit([](CpuState& s) { s.idtr.limit = 0; });
  run(program("undefined"));
  EXPECT_EQ(result.reason, StopReason::shutdown);
  EXPECT_EQ(machine.run().reason, StopReason::shutdown) << "and stays down";
}

TEST_F(ExceptionTest, SingleStep) {
  machine.long_mode();
  machine.load(program("count_forever"));
  machine.edit([](CpuState& s) { s.rflags |= rflags::kTf; });
  machine.run();
  const Trap trap = machine.trap();
  EXPECT_EQ(trap.vector, kDebug);
  EXPECT_EQ(trap.rip, kProgram + 3);
  EXPECT_EQ(machine.gpr(kRax), 1u);
  EXPECT_TRUE(machine.cpu.state().dr[6] & 1 << 14);
}

TEST_F(ExceptionTest, Injection) {
  machine.long_mode();
  machine.load(program("count_forever"));
  machine.cpu.inject_exception(kPageFault, 0, 0xabc000);
  machine.run();
  const Trap trap = machine.trap();
  EXPECT_EQ(trap.vector, kPageFault);
  EXPECT_EQ(machine.cpu.state().cr2, 0xabc000u);
  EXPECT_EQ(trap.rip, kProgram);
}

}  // namespace
}  // namespace hypervet::sim::testing
