// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/local_apic.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace hypervet::machine {
namespace {

// A machine of nothing but local APICs and a clock that the test moves.
class Bench : public ApicHost {
 public:
  explicit Bench(unsigned cpus = 1) {
    for (unsigned i = 0; i < cpus; ++i) {
      apics.push_back(std::make_unique<LocalApic>(*this, i));
      apics.back()->mmio_write(apic::kSvr, 0x1ff);
    }
  }
  LocalApic& operator[](unsigned cpu) { return *apics[cpu]; }

  // Moves the clock, letting timers expire on the way.
  void advance(std::uint64_t ticks) {
    const std::uint64_t end = now + ticks;
    while (true) {
      auto next = timers.end();
      for (auto it = timers.begin(); it != timers.end(); ++it) {
        if (it->second <= end && (next == timers.end() || it->second < next->second)) next = it;
      }
      if (next == timers.end()) break;
      const unsigned cpu = next->first;
      now = std::max(now, next->second);
      timers.erase(next);
      apics[cpu]->timer_expired();
    }
    now = end;
  }

  std::uint64_t apic_now() const override { return now; }
  std::uint64_t apic_tsc(unsigned) const override { return now + tsc_offset; }
  void apic_set_timer(unsigned cpu, std::optional<std::uint64_t> when) override {
    if (when) {
      timers[cpu] = *when;
    } else {
      timers.erase(cpu);
    }
  }
  void apic_changed(unsigned) override {}
  void apic_send(unsigned cpu, const InterruptMessage& message) override {
    sent.push_back(message);
    for (unsigned i = 0; i < apics.size(); ++i) {
      const bool hit = message.shorthand == Shorthand::self     ? i == cpu
                       : message.shorthand == Shorthand::all    ? true
                       : message.shorthand == Shorthand::others ? i != cpu
                                                                : apics[i]->addressed_by(message);
      if (hit && message.mode == DeliveryMode::fixed) apics[i]->accept(message.vector, false);
    }
  }
  bool apic_may_end(unsigned, std::uint8_t) override { return may_end; }
  void apic_eoi(unsigned, std::uint8_t vector) override { level_eois.push_back(vector); }

  std::vector<std::unique_ptr<LocalApic>> apics;
  std::map<unsigned, std::uint64_t> timers;
  std::vector<InterruptMessage> sent;
  std::vector<std::uint8_t> level_eois;
  std::uint64_t now = 1000;
  std::uint64_t tsc_offset = 0;
  bool may_end = true;
};

constexpr std::uint32_t kPeriodicMode = 1 << 17, kDeadlineMode = 2 << 17;
constexpr std::uint32_t kDivideBy1 = 0xb;

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

TEST(LocalApic, OneShotTimerFiresOnce) {
  Bench bench;
  LocalApic& a = bench[0];
  a.mmio_write(apic::kTimerDivide, kDivideBy1);
  a.mmio_write(apic::kLvtTimer, 0x40);
  a.mmio_write(apic::kTimerInitial, 500);
  bench.advance(200);
  EXPECT_EQ(a.mmio_read(apic::kTimerCurrent), 300u);
  EXPECT_FALSE(a.has_interrupt());
  bench.advance(300);
  EXPECT_EQ(a.acknowledge(), 0x40);
  EXPECT_EQ(a.mmio_read(apic::kTimerCurrent), 0u);
  a.mmio_write(apic::kEoi, 0);
  bench.advance(100'000);
  EXPECT_FALSE(a.has_interrupt());
}

TEST(LocalApic, TimerDividesAsTheRegisterSays) {
  const std::pair<std::uint32_t, std::uint64_t> codes[] = {
      {0b0000, 2},  {0b0001, 4},  {0b0010, 8},   {0b0011, 16},
      {0b1000, 32}, {0b1001, 64}, {0b1010, 128}, {0b1011, 1}};
  for (const auto& [code, divisor] : codes) {
    Bench bench;
    bench[0].mmio_write(apic::kTimerDivide, code);
    bench[0].mmio_write(apic::kLvtTimer, 0x40);
    bench[0].mmio_write(apic::kTimerInitial, 10);
    bench.advance(10 * divisor - 1);
    EXPECT_FALSE(bench[0].has_interrupt()) << divisor;
    bench.advance(1);
    EXPECT_TRUE(bench[0].has_interrupt()) << divisor;
  }
}

TEST(LocalApic, PeriodicTimerKeepsItsPhase) {
  Bench bench;
  LocalApic& a = bench[0];
  a.mmio_write(apic::kTimerDivide, kDivideBy1);
  a.mmio_write(apic::kLvtTimer, kPeriodicMode | 0x40);
  a.mmio_write(apic::kTimerInitial, 100);
  for (int i = 0; i < 5; ++i) {
    bench.advance(100);
    ASSERT_EQ(a.acknowledge(), 0x40) << i;
    a.mmio_write(apic::kEoi, 0);
  }
  bench.advance(30);
  EXPECT_EQ(a.mmio_read(apic::kTimerCurrent), 70u);
  a.mmio_write(apic::kTimerInitial, 0);
  bench.advance(1000);
  EXPECT_FALSE(a.has_interrupt());
}

TEST(LocalApic, DeadlineTimerFollowsTheTsc) {
  Bench bench;
  LocalApic& a = bench[0];
  a.wrmsr(kTscDeadlineMsr, 5000);
  EXPECT_EQ(a.rdmsr(kTscDeadlineMsr), 0u) << "ignored outside its mode";
  a.mmio_write(apic::kLvtTimer, kDeadlineMode | 0x40);
  bench.tsc_offset = 1'000'000;
  a.wrmsr(kTscDeadlineMsr, 1'000'000 + bench.now + 50);
  EXPECT_EQ(a.mmio_read(apic::kTimerCurrent), 0u);
  bench.advance(49);
  EXPECT_FALSE(a.has_interrupt());
  bench.advance(1);
  EXPECT_EQ(a.acknowledge(), 0x40);
  EXPECT_EQ(a.rdmsr(kTscDeadlineMsr), 0u) << "disarmed when it fired";
  a.mmio_write(apic::kEoi, 0);

  a.wrmsr(kTscDeadlineMsr, 1);  // long past
  bench.advance(0);
  EXPECT_EQ(a.acknowledge(), 0x40);
  a.mmio_write(apic::kEoi, 0);

  a.wrmsr(kTscDeadlineMsr, 1'000'000 + bench.now + 100);
  a.wrmsr(kTscDeadlineMsr, 0);
  bench.advance(1000);
  EXPECT_FALSE(a.has_interrupt());

  a.wrmsr(kTscDeadlineMsr, 1'000'000 + bench.now + 100);
  bench.tsc_offset += 90;
  a.tsc_changed();
  bench.advance(10);
  EXPECT_TRUE(a.has_interrupt());
}

TEST(LocalApic, LeavingDeadlineModeDisarms) {
  Bench bench;
  bench[0].mmio_write(apic::kLvtTimer, kDeadlineMode | 0x40);
  bench[0].wrmsr(kTscDeadlineMsr, bench.now + 100);
  bench[0].mmio_write(apic::kLvtTimer, 0x40);
  bench.advance(1000);
  EXPECT_FALSE(bench[0].has_interrupt());
}

TEST(LocalApic, AMaskedTimerIsSilent) {
  Bench bench;
  bench[0].mmio_write(apic::kLvtTimer, LocalApic::kMasked | 0x40);
  bench[0].mmio_write(apic::kTimerInitial, 10);
  bench.advance(1000);
  EXPECT_FALSE(bench[0].has_interrupt());
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
