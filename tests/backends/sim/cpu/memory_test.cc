// SPDX-License-Identifier: Apache-2.0
//
// Accesses that leave the fast path: page boundaries, code that changes, MMIO, absent pages,
// snapshots.
#include <gtest/gtest.h>

#include "tests/backends/sim/cpu/programs.h"
#include "tests/backends/sim/cpu/test_machine.h"

namespace hypervet::sim::testing {
namespace {

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest() { machine.long_mode(); }
  TestMachine machine;
};

TEST_F(MemoryTest, DataAcrossPagesThatAreNotNeighbours) {
  machine.memory.store<std::uint64_t>(kPageTable + 8 * 0x31, 0x50000 | 7);
  machine.load(program("store_across"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRcx), 0x1122334455667788u);
  EXPECT_EQ(machine.memory.load<std::uint32_t>(0x30ffc), 0x55667788u);
  EXPECT_EQ(machine.memory.load<std::uint32_t>(0x50000), 0x11223344u);
}

TEST_F(MemoryTest, FaultInTheSecondPageWritesNothing) {
  machine.set_page(0x31000, 0);
  machine.load(program("store_across"));
  machine.run();
  EXPECT_EQ(machine.trap().vector, kPageFault);
  EXPECT_EQ(machine.cpu.state().cr2, 0x31000u);
  EXPECT_EQ(machine.memory.load<std::uint32_t>(0x30ffc), 0u);
}

// mov $imm32, %eax that begins three bytes before the end of a page.
TEST_F(MemoryTest, CodeAcrossPages) {
  constexpr std::uint8_t kMove[] = {0xb8, 0x11, 0x22, 0x33, 0x44, 0xf4};
  machine.load(kMove, 0x11000 - 3);
  machine.edit([](CpuState& s) { s.rip = 0x11000 - 3; });
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 0x44332211u);
  // The second half changes: the stale record must not be used.
  machine.memory.store<std::uint8_t>(0x11000, 0x99);
  machine.edit([](CpuState& s) { s.rip = 0x11000 - 3, s.activity = Activity::running; });
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 0x44992211u);
  // The second page goes away: the fault is at its first byte.
  machine.set_page(0x11000, 0);
  machine.edit([](CpuState& s) { s.rip = 0x11000 - 3, s.activity = Activity::running; });
  machine.run();
  EXPECT_EQ(machine.trap().vector, kPageFault);
  EXPECT_EQ(machine.trap().error, page_fault::kFetch);
  EXPECT_EQ(machine.cpu.state().cr2, 0x11000u);
  EXPECT_EQ(machine.trap().rip, 0x11000u - 3);
}

TEST_F(MemoryTest, SelfModifyingCode) {
  machine.load(program("self_modifying"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRsi), 0x33333333u);
  EXPECT_GE(machine.code.drops(), 2u);
}

TEST_F(MemoryTest, StoreToTheNextInstruction) {
  machine.load(program("modify_next"));
  EXPECT_EQ(machine.run().reason, StopReason::halted);
  EXPECT_EQ(machine.trap().vector, -1) << "HLT was executed, not NOP and UD2";
}

TEST_F(MemoryTest, CrossModifyingCodeAndDma) {
  machine.load(program("count_forever"));
  Cpu other(machine.platform, machine.memory, machine.code);
  other.set_state(machine.cpu.state());
  other.run(10);
  machine.run(10);
  // dec %rax: ff c8 with REX.W
  machine.memory.store<std::uint8_t>(kProgram + 2, 0xc8);
  CpuState start = machine.cpu.state();
  start.rip = kProgram, start.gpr[kRax] = 0;
  machine.cpu.set_state(start);
  machine.run(1);
  EXPECT_EQ(machine.gpr(kRax), ~std::uint64_t{0});
  start = other.state();
  start.rip = kProgram, start.gpr[kRax] = 0;
  other.set_state(start);
  other.run(1);
  EXPECT_EQ(other.gpr(kRax), ~std::uint64_t{0});
}

TEST_F(MemoryTest, DmaFromInsideAnInstruction) {
  // out %al, $0x10; inc %eax; hlt. The device turns INC into HLT.
  constexpr std::uint8_t kCode[] = {0xe6, 0x10, 0xff, 0xc0, 0xf4};
  machine.load(kCode);
  machine.platform.on_port_out = [&](Cpu&, std::uint16_t, std::uint32_t) {
    machine.memory.store<std::uint16_t>(kProgram + 2, 0xf4f4);
  };
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 0u);
  EXPECT_EQ(machine.cpu.state().rip, kProgram + 3);
}

TEST_F(MemoryTest, Mmio) {
  machine.load(program("mmio"));
  machine.run();
  EXPECT_EQ(machine.gpr(kRcx), 0x556677a8u);
  const std::vector<TestPlatform::Access> expected = {{0xfee00080, 4, 7},
                                                      {0xfee000f0, 4, 0x55667879}};
  EXPECT_EQ(machine.platform.mmio_writes, expected);
}

TEST_F(MemoryTest, AbsentPageWaitsInjectsOrGoesOn) {
  machine.load(program("page_fault_read"));
  machine.memory.set_absent(kData >> 12, true);
  machine.platform.absent = {.action = AbsentPage::Action::retry};
  EXPECT_EQ(machine.run().reason, StopReason::waiting);
  EXPECT_EQ(machine.cpu.state().rip, kProgram + 5);
  machine.platform.absent = {.action = AbsentPage::Action::inject, .cr2 = 0x1234, .error_code = 0};
  machine.run();
  EXPECT_EQ(machine.trap().vector, kPageFault);
  EXPECT_EQ(machine.cpu.state().cr2, 0x1234u);
  machine.long_mode();
  machine.memory.set_absent(kData >> 12, false);
  machine.memory.store<std::uint32_t>(kData, 77);
  machine.run();
  EXPECT_EQ(machine.gpr(kRax), 77u);
}

TEST_F(MemoryTest, SnapshotRestoresMemoryAndProcessor) {
  machine.load(program("rep_stos"));
  machine.memory.snapshot();
  const CpuState before = machine.cpu.state();
  machine.run();
  EXPECT_EQ(machine.memory.load<std::uint8_t>(kData + 0x1fff), 0xab);
  const RunResult first{.ticks = machine.cpu.ticks()};
  const std::uint64_t drops = machine.code.drops();
  EXPECT_GE(machine.memory.restore().size(), 2u);
  machine.cpu.set_state(before);
  EXPECT_EQ(machine.memory.load<std::uint8_t>(kData + 0x1fff), 0);
  EXPECT_EQ(machine.code.drops(), drops) << "code of unchanged pages is kept";
  machine.run();
  EXPECT_EQ(machine.cpu.ticks(), first.ticks) << "the same again";
}

TEST(GuestMemory, BoundsAreOverflowSafe) {
  machine::GuestMemory memory(8192);
  EXPECT_TRUE(memory.contains(8191, 1));
  EXPECT_FALSE(memory.contains(8191, 2));
  EXPECT_FALSE(memory.contains(~std::uint64_t{0}, 2));
  EXPECT_FALSE(memory.load<std::uint64_t>(~std::uint64_t{0} - 3));
  EXPECT_FALSE(memory.store<std::uint32_t>(8190, 1));
  EXPECT_TRUE(memory.bytes(4096, 4097).empty());
}

TEST(GuestMemory, RestoreAndClone) {
  machine::GuestMemory memory(64 * 4096);
  memory.store<std::uint32_t>(4096, 1);
  memory.snapshot();
  const auto clone = memory.clone();
  memory.store<std::uint32_t>(4096, 2);
  clone->store<std::uint32_t>(4096, 3);
  EXPECT_EQ(memory.load<std::uint32_t>(4096), 2u);
  EXPECT_EQ(clone->load<std::uint32_t>(4096), 3u);
  const auto changed = memory.restore();
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0], 1u);
  EXPECT_EQ(memory.load<std::uint32_t>(4096), 1u);
  EXPECT_TRUE(memory.restore().empty());
  clone->restore();
  EXPECT_EQ(clone->load<std::uint32_t>(4096), 1u);
}

}  // namespace
}  // namespace hypervet::sim::testing
