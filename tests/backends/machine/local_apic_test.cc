// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/local_apic.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/backends/machine/local_apic_bench.h"

namespace hypervet::machine {
namespace {

using Bench = LocalApicBench;

TEST(LocalApic, StartsAsAfterReset) {
  Bench bench(2);
  bench[0].reset();
  bench[1].reset();
  EXPECT_EQ(bench[0].rdmsr(kApicBaseMsr), kApicBase | 0x900);
  EXPECT_EQ(bench[1].rdmsr(kApicBaseMsr), kApicBase | 0x800);
  EXPECT_EQ(bench[1].mmio_read(apic::kId), 1u << 24);
  EXPECT_EQ(bench[0].mmio_read(apic::kSvr), 0xffu);
  EXPECT_EQ(bench[0].mmio_read(apic::kLvt0), LocalApic::kMasked);
  EXPECT_EQ(bench[0].mmio_read(apic::kDfr), 0xffff'ffffu);
  EXPECT_FALSE(bench[0].accept(0x40, false)) << "software-disabled";
}

TEST(LocalApic, DeliversTheHighestClassAboveThePriority) {
  Bench bench;
  LocalApic& a = bench[0];
  a.accept(0x31, false);
  a.accept(0x52, false);
  a.accept(0x57, false);
  EXPECT_EQ(a.acknowledge(), 0x57);
  EXPECT_EQ(a.processor_priority(), 0x50);
  EXPECT_FALSE(a.has_interrupt()) << "0x52 is of the class in service";
  a.accept(0x60, false);
  EXPECT_EQ(a.acknowledge(), 0x60);
  a.mmio_write(apic::kEoi, 0);
  EXPECT_FALSE(a.has_interrupt());
  a.mmio_write(apic::kEoi, 0);
  EXPECT_EQ(a.acknowledge(), 0x52);
  a.mmio_write(apic::kEoi, 0);
  EXPECT_EQ(a.acknowledge(), 0x31);
  a.mmio_write(apic::kEoi, 0);
  EXPECT_FALSE(a.acknowledge());
}

TEST(LocalApic, TaskPriorityHoldsBack) {
  Bench bench;
  LocalApic& a = bench[0];
  a.mmio_write(apic::kTpr, 0x5f);
  EXPECT_EQ(a.cr8(), 5);
  a.accept(0x5e, false);
  EXPECT_FALSE(a.has_interrupt());
  EXPECT_EQ(a.mmio_read(apic::kPpr), 0x5fu);
  a.set_cr8(4);
  EXPECT_EQ(a.mmio_read(apic::kTpr), 0x40u);
  EXPECT_EQ(a.acknowledge(), 0x5e);
}

TEST(LocalApic, ShowsItsSets) {
  Bench bench;
  LocalApic& a = bench[0];
  a.accept(0x41, false);
  EXPECT_EQ(a.mmio_read(apic::kIrr + 0x20), 2u);
  a.acknowledge();
  EXPECT_EQ(a.mmio_read(apic::kIrr + 0x20), 0u);
  EXPECT_EQ(a.mmio_read(apic::kIsr + 0x20), 2u);
  EXPECT_EQ(a.in_service_count(), 1u);
  a.accept(0x82, true);
  EXPECT_EQ(a.mmio_read(apic::kTmr + 0x40), 4u);
}

TEST(LocalApic, LevelTriggeredEoiGoesToTheIoApic) {
  Bench bench;
  bench[0].accept(0x50, true);
  bench[0].acknowledge();
  bench[0].mmio_write(apic::kEoi, 0);
  bench[0].accept(0x50, false);
  bench[0].acknowledge();
  bench[0].mmio_write(apic::kEoi, 0);
  EXPECT_EQ(bench.level_eois, std::vector<std::uint8_t>{0x50});
}

TEST(LocalApic, AnEoiThatTheHostSwallowsLeavesTheVectorInService) {
  Bench bench;
  bench[0].accept(0x50, false);
  bench[0].acknowledge();
  bench.may_end = false;
  bench[0].mmio_write(apic::kEoi, 0);
  EXPECT_EQ(bench[0].highest_in_service(), 0x50);
}

TEST(LocalApic, SoftwareDisableMasksTheLocalVectors) {
  Bench bench;
  bench[0].mmio_write(apic::kLvtTimer, 0x40);
  bench[0].mmio_write(apic::kSvr, 0xff);
  EXPECT_EQ(bench[0].mmio_read(apic::kLvtTimer), LocalApic::kMasked | 0x40);
  bench[0].mmio_write(apic::kLvtTimer, 0x40);
  EXPECT_EQ(bench[0].mmio_read(apic::kLvtTimer), LocalApic::kMasked | 0x40);
}

TEST(LocalApic, SendsToOneById) {
  Bench bench(3);
  bench[0].mmio_write(apic::kIcrHigh, 2u << 24);
  bench[0].mmio_write(apic::kIcr, 0x4000 | 0x55);
  EXPECT_FALSE(bench[0].has_interrupt());
  EXPECT_FALSE(bench[1].has_interrupt());
  EXPECT_EQ(bench[2].acknowledge(), 0x55);
}

TEST(LocalApic, Shorthands) {
  for (const auto& [shorthand, expected] :
       std::vector<std::pair<std::uint32_t, unsigned>>{{1, 0b010}, {2, 0b111}, {3, 0b101}}) {
    Bench bench(3);
    bench[1].mmio_write(apic::kIcr, shorthand << 18 | 0x4000 | 0x55);
    unsigned got = 0;
    for (unsigned i = 0; i < 3; ++i) got |= unsigned{bench[i].has_interrupt()} << i;
    EXPECT_EQ(got, expected) << shorthand;
  }
}

TEST(LocalApic, LogicalDestinations) {
  Bench bench(4);
  for (unsigned i = 0; i < 4; ++i) bench[i].mmio_write(apic::kLdr, (1u << i) << 24);
  InterruptMessage message{.logical = true, .destination = 0b1010};
  EXPECT_FALSE(bench[0].addressed_by(message));
  EXPECT_TRUE(bench[1].addressed_by(message));
  EXPECT_TRUE(bench[3].addressed_by(message));
  // Cluster model: upper half names the cluster.
  for (unsigned i = 0; i < 4; ++i) {
    bench[i].mmio_write(apic::kDfr, 0x0fff'ffff);
    bench[i].mmio_write(apic::kLdr, ((i / 2) << 4 | 1u << (i % 2)) << 24);
  }
  message.destination = 0x12;
  EXPECT_FALSE(bench[1].addressed_by(message));
  EXPECT_TRUE(bench[3].addressed_by(message));
}

TEST(LocalApic, CarriesModesInTheMessage) {
  Bench bench(2);
  bench[0].mmio_write(apic::kIcrHigh, 1u << 24);
  bench[0].mmio_write(apic::kIcr, 0x4400);
  bench[0].mmio_write(apic::kIcr, 0x4500);
  bench[0].mmio_write(apic::kIcr, 0x8500);  // INIT level de-assert: nothing
  bench[0].mmio_write(apic::kIcr, 0x4608);
  ASSERT_EQ(bench.sent.size(), 3u);
  EXPECT_EQ(bench.sent[0].mode, DeliveryMode::nmi);
  EXPECT_EQ(bench.sent[1].mode, DeliveryMode::init);
  EXPECT_EQ(bench.sent[2].mode, DeliveryMode::startup);
  EXPECT_EQ(bench.sent[2].vector, 8);
}

TEST(LocalApic, IllegalVectorsAreErrors) {
  Bench bench;
  LocalApic& a = bench[0];
  a.mmio_write(apic::kLvtError, 0xfe);
  a.mmio_write(apic::kIcr, 1 << 18 | 0x4000 | 0x0f);
  EXPECT_TRUE(bench.sent.size() == 1 && bench.sent[0].vector == 0xfe) << "only the error's own";
  a.mmio_write(apic::kEsr, 0);
  EXPECT_EQ(a.mmio_read(apic::kEsr), 1u << 5);
  EXPECT_FALSE(a.accept(3, false));
  a.mmio_write(0x410, 0);
  a.mmio_write(apic::kEsr, 0);
  EXPECT_EQ(a.mmio_read(apic::kEsr), 1u << 6 | 1u << 7);
  a.mmio_write(apic::kEsr, 0);
  EXPECT_EQ(a.mmio_read(apic::kEsr), 0u);
}

TEST(LocalApic, ModeTransitionsFollowTheManual) {
  Bench bench;
  LocalApic& a = bench[0];
  EXPECT_FALSE(a.wrmsr(kApicBaseMsr, kApicBase | 0x500)) << "extended without enabled";
  EXPECT_FALSE(a.wrmsr(kApicBaseMsr, 0xfed0'0000 | 0x900)) << "the page stays";
  EXPECT_TRUE(a.wrmsr(kApicBaseMsr, kApicBase | 0xd00));
  EXPECT_TRUE(a.x2apic());
  EXPECT_FALSE(a.wrmsr(kApicBaseMsr, kApicBase | 0x900)) << "x2APIC to xAPIC";
  EXPECT_TRUE(a.wrmsr(kApicBaseMsr, kApicBase | 0x100));
  EXPECT_FALSE(a.enabled());
  EXPECT_FALSE(a.wrmsr(kApicBaseMsr, kApicBase | 0xd00)) << "disabled to x2APIC";
  EXPECT_TRUE(a.wrmsr(kApicBaseMsr, kApicBase | 0x900));
  EXPECT_EQ(a.mmio_read(apic::kSvr), 0xffu) << "as after reset";
}

TEST(LocalApic, X2apicRegistersAreMsrs) {
  Bench bench(2);
  for (unsigned i = 0; i < 2; ++i) {
    ASSERT_TRUE(bench[i].wrmsr(kApicBaseMsr, kApicBase | 0xc00 | (i == 0 ? 0x100 : 0)));
  }
  LocalApic& a = bench[1];
  EXPECT_EQ(a.mmio_read(apic::kId), 0xffff'ffffu) << "the page no longer answers";
  EXPECT_EQ(a.rdmsr(0x802), 1u);
  EXPECT_EQ(a.rdmsr(0x80d), 2u) << "cluster 0, bit 1";
  EXPECT_FALSE(a.wrmsr(0x802, 1)) << "read-only";
  EXPECT_FALSE(a.rdmsr(0x80b)) << "EOI is write-only";
  EXPECT_FALSE(a.rdmsr(0x80e)) << "no DFR";
  EXPECT_FALSE(a.wrmsr(0x80b, 1)) << "EOI takes zero alone";
  EXPECT_FALSE(a.wrmsr(0x808, 0x100)) << "reserved bit of TPR";
  EXPECT_TRUE(a.wrmsr(0x808, 0x20));
  EXPECT_TRUE(a.wrmsr(0x808, 0));
  EXPECT_TRUE(a.wrmsr(0x830, std::uint64_t{0} << 32 | 0x4055));
  EXPECT_EQ(bench[0].acknowledge(), 0x55);
  EXPECT_TRUE(a.wrmsr(0x83f, 0x66));
  EXPECT_EQ(a.acknowledge(), 0x66);
  EXPECT_TRUE(a.wrmsr(0x80b, 0));
  EXPECT_FALSE(a.highest_in_service());
  EXPECT_TRUE(a.wrmsr(0x830, 0xffff'ffffull << 32 | 0x4077)) << "broadcast";
  EXPECT_EQ(bench[0].highest_requested(), 0x77);
  EXPECT_EQ(bench[1].highest_requested(), 0x77);
}

TEST(LocalApic, InitKeepsIdAndBase) {
  Bench bench(2);
  bench[1].accept(0x50, false);
  bench[1].mmio_write(apic::kTimerInitial, 1000);
  bench[1].init();
  EXPECT_EQ(bench[1].apic_id(), 1u);
  EXPECT_TRUE(bench[1].enabled());
  EXPECT_FALSE(bench[1].highest_requested());
  EXPECT_TRUE(bench.timers.empty());
}

TEST(LocalApic, StateCanBeCopiedOutAndBack) {
  Bench bench;
  bench[0].accept(0x50, false);
  bench[0].acknowledge();
  const LocalApic::State saved = bench[0].save();
  bench[0].mmio_write(apic::kEoi, 0);
  bench[0].mmio_write(apic::kTpr, 0xf0);
  bench[0].restore(saved);
  EXPECT_EQ(bench[0].highest_in_service(), 0x50);
  EXPECT_EQ(bench[0].cr8(), 0);
}

TEST(LocalApic, ExternalInterruptsPassLint0InExtIntModeOnly) {
  Bench bench;
  EXPECT_FALSE(bench[0].accepts_external());
  bench[0].mmio_write(apic::kLvt0, 0x700);
  EXPECT_TRUE(bench[0].accepts_external());
  bench[0].mmio_write(apic::kLvt0, LocalApic::kMasked | 0x700);
  EXPECT_FALSE(bench[0].accepts_external());
  bench[0].mmio_write(apic::kLvt1, 0x400);
  EXPECT_TRUE(bench[0].accepts_nmi_pin());
}

}  // namespace
}  // namespace hypervet::machine
