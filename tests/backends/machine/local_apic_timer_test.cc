// SPDX-License-Identifier: Apache-2.0
// The timer in its three modes.
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "tests/backends/machine/local_apic_bench.h"

namespace hypervet::machine {
namespace {

using Bench = LocalApicBench;

constexpr std::uint32_t kPeriodicMode = 1 << 17, kDeadlineMode = 2 << 17;
constexpr std::uint32_t kDivideBy1 = 0xb;

TEST(LocalApicTimer, OneShotTimerFiresOnce) {
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

TEST(LocalApicTimer, TimerDividesAsTheRegisterSays) {
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

TEST(LocalApicTimer, PeriodicTimerKeepsItsPhase) {
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

TEST(LocalApicTimer, DeadlineTimerFollowsTheTsc) {
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

TEST(LocalApicTimer, LeavingDeadlineModeDisarms) {
  Bench bench;
  bench[0].mmio_write(apic::kLvtTimer, kDeadlineMode | 0x40);
  bench[0].wrmsr(kTscDeadlineMsr, bench.now + 100);
  bench[0].mmio_write(apic::kLvtTimer, 0x40);
  bench.advance(1000);
  EXPECT_FALSE(bench[0].has_interrupt());
}

TEST(LocalApicTimer, AMaskedTimerIsSilent) {
  Bench bench;
  bench[0].mmio_write(apic::kLvtTimer, LocalApic::kMasked | 0x40);
  bench[0].mmio_write(apic::kTimerInitial, 10);
  bench.advance(1000);
  EXPECT_FALSE(bench[0].has_interrupt());
}

}  // namespace
}  // namespace hypervet::machine
