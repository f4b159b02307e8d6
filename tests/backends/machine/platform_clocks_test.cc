// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/platform_clocks.h"

#include <gtest/gtest.h>

namespace hypervet::machine {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(PlatformClocks, TickAtTheirFrequencies) {
  EXPECT_EQ(pm_timer_at(0), 0u);
  EXPECT_EQ(pm_timer_at(kSecond), 3'579'545u);
  EXPECT_EQ(pit_counter_at(0), 0xffffu);
  EXPECT_EQ(pit_counter_at(kSecond / 1000), 0xffff - 1193);
  EXPECT_EQ(hpet_at(kSecond, 0xf0, 8), kSecond / 10);
}

TEST(PlatformClocks, WrapAtTheirWidths) {
  EXPECT_EQ(pm_timer_at(10 * kSecond), 35'795'450u & 0xff'ffff);
  EXPECT_EQ(pit_counter_at(kSecond), 0xffff - (1'193'182 & 0xffff));
  // Days: no overflow on the way.
  EXPECT_EQ(pm_timer_at(1'000'000 * kSecond), 3'579'545'000'000u & 0xff'ffff);
}

TEST(PlatformClocks, TheHpetTellsItsPeriodAndThatItRuns) {
  EXPECT_EQ(hpet_at(0, 0, 8) >> 32, 10'000'000u);  // femtoseconds
  EXPECT_EQ(hpet_at(0, 4, 4), 10'000'000u);
  EXPECT_EQ(hpet_at(0, 0x10, 4), 1u);
  EXPECT_EQ(hpet_at(1000 * kSecond, 0xf4, 4), 1000 * kSecond / 10 >> 32);
  EXPECT_EQ(hpet_at(kSecond, 0x100, 8), 0u);
}

}  // namespace
}  // namespace hypervet::machine
