// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using violations::Seam;
using namespace std::string_literals;

class StealTimeTest : public KvmModelTest {
 protected:
  static constexpr std::uint32_t kMsr = 0x4b564d03;
  std::uint64_t steal() const { return machine->get<std::uint64_t>(kArea); }
  std::uint32_t version() const { return machine->get<std::uint32_t>(kArea + 8); }
  std::uint8_t preempted() const { return machine->get<std::uint8_t>(kArea + 16); }
};

TEST_F(StealTimeTest, ReservedBitsFaultAndLeaveTheMsr) {
  ASSERT_TRUE(model->wrmsr(0, kMsr, kArea + 1));
  for (unsigned bit = 1; bit <= 5; ++bit)
    for (const std::uint64_t enable : {0, 1})
      EXPECT_FALSE(model->wrmsr(0, kMsr, kArea + enable + (1u << bit)));
  EXPECT_EQ(model->rdmsr(0, kMsr), kArea + 1);
}

TEST_F(StealTimeTest, EnablingWritesVersionAndStealOnly) {
  machine->fill(kArea, 72, 0xff);
  machine->put<std::uint64_t>(kArea, 0);
  machine->put<std::uint32_t>(kArea + 8, 0);
  ASSERT_TRUE(model->wrmsr(0, kMsr, kArea + 1));
  EXPECT_EQ(version(), 2u);
  EXPECT_EQ(steal(), 0u);
  EXPECT_EQ(preempted(), 0u);
  EXPECT_TRUE(machine->all(kArea + 12, 4, 0xff));   // flags: never written
  EXPECT_TRUE(machine->all(kArea + 17, 55, 0xff));  // padding, and behind the structure
}

TEST_F(StealTimeTest, CompetitionCountsAndShowsMeanwhile) {
  model->wrmsr(1, kMsr, kArea + 1);
  EXPECT_EQ(verb(protocol::HostVerb::kCompete, 5'000'000, 1).status, protocol::HostStatus::kDone);
  EXPECT_EQ(machine->stalled, 5'000'000u);
  EXPECT_EQ(preempted(), 1u);  // seen by the other CPUs
  model->before_entry(1);      // not yet
  EXPECT_EQ(preempted(), 1u);
  machine->now += 5'000'000;
  model->before_entry(1);
  EXPECT_EQ(steal(), 5'000'000u);
  EXPECT_EQ(preempted(), 0u);
  EXPECT_EQ(version(), 4u);
  model->before_entry(1);
  EXPECT_EQ(version(), 4u);
  EXPECT_EQ(verb(protocol::HostVerb::kCompete, ~0ull).status, protocol::HostStatus::kBadArgument);
}

TEST_F(StealTimeTest, StealIsAddedToWhatMemoryHolds) {
  model->descheduled(0, OffCpu::kPreempted);
  machine->now += 700;
  model->before_entry(0);
  machine->put<std::uint64_t>(kArea, 1'000);
  machine->put<std::uint32_t>(kArea + 8, 7);
  model->wrmsr(0, kMsr, kArea + 1);
  EXPECT_EQ(steal(), 1'700u);  // waited before registering
  EXPECT_EQ(version(), 10u);   // 7 is taken for junk
}

TEST_F(StealTimeTest, IdleIsNotStolenNorPreempted) {
  model->wrmsr(0, kMsr, kArea + 1);
  model->descheduled(0, OffCpu::kHalted);
  EXPECT_EQ(preempted(), 0u);
  machine->now += 100'000'000;
  model->before_entry(0);
  EXPECT_EQ(steal(), 0u);
  EXPECT_EQ(version(), 4u);  // it was scheduled in anew
}

TEST_F(StealTimeTest, AVerbIsAnEntryFromUserSpace) {
  model->wrmsr(0, kMsr, kArea + 1);
  verb(protocol::HostVerb::kReadClock);
  model->before_entry(0);
  EXPECT_EQ(version(), 4u);
}

TEST_F(StealTimeTest, DisablingStopsAllWrites) {
  model->wrmsr(0, kMsr, kArea + 1);
  ASSERT_TRUE(model->wrmsr(0, kMsr, kArea));
  machine->fill(kArea, 64, 0x77);
  model->descheduled(0, OffCpu::kPreempted);
  machine->now += 1'000;
  model->before_entry(0);
  EXPECT_TRUE(machine->all(kArea, 64, 0x77));
}

TEST_F(StealTimeTest, AddressOutsideRamIsAcceptedAndIgnored) {
  EXPECT_TRUE(model->wrmsr(0, kMsr, (FakeMachine::kMemory & ~0x3full) + 1));
  model->descheduled(0, OffCpu::kPreempted);
  model->before_entry(0);
  EXPECT_EQ(machine->writes, 0u);
}

TEST_F(StealTimeTest, ARequestedFlushIsDone) {
  model->wrmsr(0, kMsr, kArea + 1);
  machine->put<std::uint8_t>(kArea + 16, 3);
  model->descheduled(0, OffCpu::kHalted);
  model->before_entry(0);
  EXPECT_THAT(machine->flushed, ElementsAre(0));
  EXPECT_EQ(preempted(), 0u);
  build({{"enforce-features", "on"}}, 1, {feature(9)});
  model->wrmsr(0, kMsr, kArea + 1);
  machine->put<std::uint8_t>(kArea + 16, 3);
  model->descheduled(0, OffCpu::kHalted);
  model->before_entry(0);
  EXPECT_THAT(machine->flushed, IsEmpty());
  EXPECT_EQ(preempted(), 0u);
}

TEST_F(StealTimeTest, InitStopsIt) {
  model->wrmsr(0, kMsr, kArea + 1);
  model->init_cpu(0);
  EXPECT_EQ(model->rdmsr(0, kMsr), 0u);
  machine->fill(kArea, 64, 0x77);
  model->descheduled(0, OffCpu::kPreempted);
  model->before_entry(0);
  EXPECT_TRUE(machine->all(kArea, 64, 0x77));
}

TEST_F(StealTimeTest, NaturalViolations) {
  violate(Seam::kMemory, {{"value", 1ul}}, {{"area", "steal-time"s}, {"field", "preempted"s}});
  model->wrmsr(0, kMsr, kArea + 1);
  EXPECT_EQ(preempted(), 1u);
  violate(Seam::kMemory, {{"add", ~0ul}}, {{"area", "steal-time"s}, {"field", "steal"s}});
  machine->put<std::uint64_t>(kArea, 5);
  model->wrmsr(0, kMsr, kArea + 1);
  EXPECT_EQ(steal(), 4u);
  violate(Seam::kMemory, {{"set", 1ul}}, {{"area", "steal-time"s}, {"field", "version"s}});
  model->wrmsr(0, kMsr, kArea + 1);
  EXPECT_EQ(version() % 2, 1u);
  violate(Seam::kWrmsr, {{"fault", "none"s}}, {{"msr", 0x4b564d03ul}});
  EXPECT_TRUE(model->wrmsr(0, kMsr, kArea + 3));
  EXPECT_EQ(model->rdmsr(0, kMsr), kArea + 3);
  EXPECT_EQ(interposer.total_committed(), 1u);
  violate(Seam::kWrmsr, {{"keep", "yes"s}}, {{"msr", 0x4b564d03ul}});
  EXPECT_TRUE(model->wrmsr(0, kMsr, kArea));
  const std::uint32_t before = version();
  model->descheduled(0, OffCpu::kHalted);
  model->before_entry(0);
  EXPECT_NE(version(), before);
}

}  // namespace
}  // namespace hypervet::pv
