// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using violations::Seam;
using namespace std::string_literals;

class PvEoiTest : public KvmModelTest {
 protected:
  static constexpr std::uint32_t kMsr = 0x4b564d04;
  std::uint32_t word() const { return machine->get<std::uint32_t>(kArea); }
  void enable() { ASSERT_TRUE(model->wrmsr(0, kMsr, kArea + 1)); }
  void inject(unsigned vector) {
    model->after_exit(0);
    machine->cpu[0].requested.erase(vector);
    machine->cpu[0].in_service.insert(vector);
    model->at_injection(0, static_cast<std::uint8_t>(vector));
  }
  unsigned in_service() const { return static_cast<unsigned>(machine->cpu[0].in_service.size()); }
};

TEST_F(PvEoiTest, MsrFaults) {
  EXPECT_FALSE(model->wrmsr(0, kMsr, kArea + 2));
  EXPECT_FALSE(model->wrmsr(0, kMsr, kArea + 3));
  EXPECT_FALSE(model->wrmsr(0, kMsr, FakeMachine::kMemory + 1));
  EXPECT_EQ(model->rdmsr(0, kMsr), 0u);
  EXPECT_TRUE(model->wrmsr(0, kMsr, FakeMachine::kMemory));  // not enabled: any address
  EXPECT_EQ(model->rdmsr(0, kMsr), FakeMachine::kMemory);
}

TEST_F(PvEoiTest, ClearingTheBitIsTheEoi) {
  enable();
  inject(0x41);
  EXPECT_EQ(word(), 1u);
  machine->put<std::uint32_t>(kArea, 0);
  EXPECT_EQ(in_service(), 1u);
  model->after_exit(0);
  EXPECT_EQ(in_service(), 0u);
  EXPECT_EQ(machine->eois, 1u);
  model->after_exit(0);
  EXPECT_EQ(machine->eois, 1u);
}

TEST_F(PvEoiTest, AnExitTakesTheBitBackAndTheNextEntryGivesItAgain) {
  enable();
  inject(0x41);
  model->after_exit(0);
  EXPECT_EQ(word(), 0u);
  EXPECT_EQ(in_service(), 1u);
  model->before_entry(0);
  EXPECT_EQ(word(), 1u);
}

TEST_F(PvEoiTest, NotWhileAnotherWaitsNorForLevelInterrupts) {
  enable();
  machine->cpu[0].requested = {0x31};
  inject(0x41);
  EXPECT_EQ(word(), 0u);
  model->after_exit(0);
  EXPECT_EQ(in_service(), 1u);  // a clear bit that was never set is no EOI
  machine->cpu[0].requested.clear();
  machine->cpu[0].level = true;
  model->before_entry(0);
  EXPECT_EQ(word(), 0u);
  machine->cpu[0].level = false;
  model->before_entry(0);
  EXPECT_EQ(word(), 1u);
}

TEST_F(PvEoiTest, AfterAnEoiTheOuterInterruptGetsNoBit) {
  enable();
  inject(0x31);
  inject(0x41);  // nests
  EXPECT_EQ(word(), 1u);
  machine->put<std::uint32_t>(kArea, 0);
  model->after_exit(0);
  EXPECT_EQ(machine->cpu[0].in_service, (std::set<unsigned>{0x31}));
  model->before_entry(0);
  EXPECT_EQ(word(), 0u);
}

TEST_F(PvEoiTest, ARealEoiWithTheBitSetEndsOneInterrupt) {
  enable();
  inject(0x31);
  inject(0x41);
  // The guest writes the APIC's EOI register, which exits first.
  model->after_exit(0);
  machine->end_of_interrupt(0);
  model->before_entry(0);
  EXPECT_EQ(in_service(), 1u);
  EXPECT_EQ(word(), 0u);
}

TEST_F(PvEoiTest, OnlyBitZeroIsWritten) {
  enable();
  machine->put<std::uint32_t>(kArea, 0xaabbccf0);
  inject(0x41);
  EXPECT_EQ(word(), 0xaabbccf1u);
}

TEST_F(PvEoiTest, DisabledOrInitialisedItWritesNothing) {
  enable();
  ASSERT_TRUE(model->wrmsr(0, kMsr, kArea));
  inject(0x41);
  EXPECT_EQ(word(), 0u);
  enable();
  model->init_cpu(0);
  EXPECT_EQ(model->rdmsr(0, kMsr), 0u);
  inject(0x42);
  EXPECT_EQ(word(), 0u);
}

TEST_F(PvEoiTest, AnInterruptOfTheModelFirstLooksForTheEoi) {
  enable();
  inject(0x41);
  machine->put<std::uint32_t>(kArea, 0);
  EXPECT_EQ(rax(10, {1, 0, 0, 0x31}, {.cpu = 1}), 1u);
  EXPECT_EQ(in_service(), 0u);
}

TEST_F(PvEoiTest, NaturalViolations) {
  violate(Seam::kMemory, {{"write", "drop"s}}, {{"area", "pv-eoi"s}});
  enable();
  inject(0x41);
  EXPECT_EQ(word(), 0u);
  model->after_exit(0);
  EXPECT_EQ(in_service(), 1u);  // a host that never sets the bit never takes it for an EOI
  EXPECT_EQ(interposer.total_committed(), 1u);

  violate(Seam::kMemory, {{"size", 4ul}}, {{"area", "pv-eoi"s}, {"when", "inject"s}});
  machine->put<std::uint32_t>(kArea, 0xaabbcc00);
  model->before_entry(0);
  EXPECT_EQ(word(), 1u);

  violate(Seam::kApic, {{"in-service", "keep"s}}, {{"event", "pv-eoi"s}});
  machine->put<std::uint32_t>(kArea, 0);
  model->after_exit(0);
  EXPECT_EQ(in_service(), 1u);
  EXPECT_EQ(interposer.total_committed(), 1u);
}

}  // namespace
}  // namespace hypervet::pv
