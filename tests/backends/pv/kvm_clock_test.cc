// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_clock.h"

#include <cmath>

#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using violations::Seam;
using namespace std::string_literals;

__extension__ using Wide = unsigned __int128;

class KvmClockTest : public KvmModelTest {
 protected:
  struct Page {
    std::uint32_t version, pad0;
    std::uint64_t tsc_timestamp, system_time;
    std::uint32_t mul;
    std::int8_t shift;
    std::uint8_t flags;
    std::uint16_t pad;
  };
  static_assert(sizeof(Page) == 32);

  Page page(std::uint64_t area = kArea) const { return machine->get<Page>(area); }
  // What a guest reads from the page now (msr.rst).
  std::uint64_t guest_time(std::uint64_t area = kArea, unsigned cpu = 0) const {
    const Page p = page(area);
    std::uint64_t delta = machine->tsc(cpu) - p.tsc_timestamp;
    delta = p.shift >= 0 ? delta << p.shift : delta >> -p.shift;
    return p.system_time + static_cast<std::uint64_t>((static_cast<Wide>(delta) * p.mul) >> 32);
  }
  void advance(std::uint64_t ns) {
    machine->now += ns;
    for (unsigned cpu = 0; cpu < machine->cpus(); ++cpu) model->before_entry(cpu);
  }
};

TEST_F(KvmClockTest, WallClockIsTheTimeWhenTheGuestsClockBegan) {
  machine->now = 3'500'000'000;
  machine->fill(kArea, 16, 0);
  machine->put<std::uint32_t>(kArea + 12, 0xffffffff);
  ASSERT_TRUE(model->wrmsr(0, 0x4b564d00, kArea));
  EXPECT_EQ(machine->get<std::uint32_t>(kArea), 2u);
  EXPECT_EQ(machine->get<std::uint32_t>(kArea + 4), 1'767'225'600u);
  EXPECT_EQ(machine->get<std::uint32_t>(kArea + 8), 0u);
  EXPECT_EQ(machine->get<std::uint32_t>(kArea + 12), 0xffffffffu);
  EXPECT_EQ(model->rdmsr(3, 0x4b564d00), kArea);  // of the whole machine
  EXPECT_EQ(model->rdmsr(3, 0x11), kArea);
}

TEST_F(KvmClockTest, WallClockVersionsAdvanceFromWhateverIsThere) {
  for (const auto& [before, after] : {std::pair{0u, 2u}, {1u, 4u}, {6u, 8u}, {0xffffffffu, 2u}}) {
    machine->put<std::uint32_t>(kArea, before);
    ASSERT_TRUE(model->wrmsr(0, 0x11, kArea));
    EXPECT_EQ(machine->get<std::uint32_t>(kArea), after);
  }
}

TEST_F(KvmClockTest, WallClockNeverFaults) {
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d00, 0));
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d00, ~0ull));
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d00, FakeMachine::kMemory));
  EXPECT_EQ(machine->writes, 0u);
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d00, kArea + 1));  // no alignment
  EXPECT_EQ(machine->get<std::uint32_t>(kArea + 1), 2u);
}

TEST_F(KvmClockTest, EnablingFillsThePageBeforeTheGuestGoesOn) {
  machine->fill(kArea, 40, 0);
  machine->fill(kArea + 32, 8, 0xff);
  ASSERT_TRUE(model->wrmsr(0, 0x4b564d01, kArea + 1));
  const Page p = page();
  EXPECT_EQ(p.version, 2u);
  EXPECT_EQ(p.flags, 1u);
  EXPECT_EQ(p.mul, 0xccccccccu);  // 0.8 * 2^32, the shift halves the ticks
  EXPECT_EQ(p.shift, -1);
  EXPECT_EQ(guest_time(), machine->now);
  EXPECT_TRUE(machine->all(kArea + 32, 8, 0xff));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d01), kArea + 1);
  EXPECT_EQ(model->rdmsr(0, 0x12), kArea + 1);
  EXPECT_EQ(model->rdmsr(1, 0x4b564d01), 0u);  // per CPU
}

TEST_F(KvmClockTest, TimeScalesAreNormalised) {
  for (const std::uint64_t khz :
       {1'000ull, 999'999ull, 1'000'000ull, 1'000'001ull, 2'500'000ull, 5'000'000ull}) {
    const TimeScale scale = time_scale(khz);
    EXPECT_GE(scale.multiplier, 0x80000000u) << khz;
    const double ns_per_tick = std::ldexp(scale.multiplier, scale.shift - 32);
    EXPECT_NEAR(ns_per_tick, 1e6 / static_cast<double>(khz), 1e-9 * 1e6 / static_cast<double>(khz))
        << khz;
  }
  EXPECT_EQ(time_scale(0).multiplier, 0u);
}

TEST_F(KvmClockTest, TimeNeverGoesBackAndStaysWithinANanosecondOrSo) {
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  std::uint64_t last = 0;
  for (int i = 0; i < 5000; ++i) {
    advance(99'991);
    const std::uint64_t time = guest_time();
    EXPECT_GE(time, last);
    EXPECT_LE(machine->now - time, 2u + machine->now / 1'000'000'000);
    EXPECT_EQ(page().version % 2, 0u);
    last = time;
  }
  EXPECT_GT(page().version, 2u);  // updated by itself
}

TEST_F(KvmClockTest, AllPagesHoldTheSamePairUnderTheMasterClock) {
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    machine->now += 12'345;
    model->wrmsr(cpu, 0x4b564d01, (kArea + 64 * cpu) + 1);
  }
  for (unsigned cpu = 1; cpu < 4; ++cpu) {
    EXPECT_EQ(page(kArea + 64 * cpu).tsc_timestamp, page().tsc_timestamp);
    EXPECT_EQ(page(kArea + 64 * cpu).system_time, page().system_time);
    EXPECT_EQ(page(kArea + 64 * cpu).flags, 1u);
  }
}

TEST_F(KvmClockTest, WithoutAMasterClockTheFlagIsClearAndEachUpdateIsNew) {
  build({{"host-clock", "other"}});
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  EXPECT_EQ(page().flags, 0u);
  std::uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    advance(333'333);
    EXPECT_EQ(page().system_time, machine->now);
    EXPECT_EQ(page().tsc_timestamp, machine->tsc(0));
    EXPECT_GE(guest_time(), last);
    last = guest_time();
  }
}

TEST_F(KvmClockTest, UnequalTscsGiveUpTheMasterClock) {
  machine->cpu[1].tsc_offset = 1'000'000'000;
  model->wrmsr(1, 0x4b564d01, kArea + 1);
  EXPECT_EQ(page().flags, 0u);
  EXPECT_EQ(guest_time(kArea, 1), machine->now);
  for (auto& cpu : machine->cpu) cpu.tsc_offset = 1'000'000'000;
  advance(1'000'000);
  EXPECT_EQ(page().flags, 1u);
  EXPECT_NEAR(static_cast<double>(guest_time(kArea, 1)), static_cast<double>(machine->now), 2.0);
}

TEST_F(KvmClockTest, TheOldNumberOnCpu0SwitchesTheMasterClockOff) {
  model->wrmsr(1, 0x4b564d01, kArea + 64 + 1);
  model->wrmsr(1, 0x12, kArea + 64 + 1);
  EXPECT_EQ(page(kArea + 64).flags, 1u);
  model->wrmsr(0, 0x12, kArea + 1);
  advance(1);
  EXPECT_EQ(page().flags, 0u);
  EXPECT_EQ(page(kArea + 64).flags, 0u);
  const std::uint64_t before = guest_time();
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  advance(1);
  EXPECT_EQ(page().flags, 1u);
  EXPECT_EQ(page(kArea + 64).flags, 1u);
  EXPECT_GE(guest_time(), before);
}

TEST_F(KvmClockTest, APauseIsReportedUntilTheGuestClearsIt) {
  using enum protocol::HostVerb;
  EXPECT_EQ(verb(kPauseClock).status, protocol::HostStatus::kFailed);  // no clock is on
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  EXPECT_EQ(verb(kPauseClock).status, protocol::HostStatus::kDone);
  EXPECT_EQ(page().flags, 1u);
  advance(0);
  EXPECT_EQ(page().flags, 3u);
  advance(1'000'000);
  EXPECT_EQ(page().flags, 3u);
  machine->put<std::uint8_t>(kArea + 29, 1);
  advance(1'000'000);
  EXPECT_EQ(page().flags, 1u);
}

TEST_F(KvmClockTest, DisablingStopsAllWrites) {
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  ASSERT_TRUE(model->wrmsr(0, 0x4b564d01, kArea));
  machine->fill(kArea, 32, 0x77);
  advance(10'000'000);
  EXPECT_TRUE(machine->all(kArea, 32, 0x77));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d01), kArea);
}

TEST_F(KvmClockTest, AreasOutsideRamOrAcrossPagesAreNeverWritten) {
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d01, FakeMachine::kMemory + 1));
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d01, ~0ull));
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d01, 0x2ff1));
  advance(1'000'000);
  EXPECT_EQ(machine->writes, 0u);
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d01, 0x2fe0 | 1));  // the last that fits
  EXPECT_NE(machine->writes, 0u);
}

TEST_F(KvmClockTest, InitStopsTheClockAndKeepsTheWallClock) {
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  model->wrmsr(0, 0x4b564d00, kArea + 0x100);
  model->init_cpu(0);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d01), 0u);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d00), kArea + 0x100);
  machine->fill(kArea, 32, 0x77);
  advance(10'000'000);
  EXPECT_TRUE(machine->all(kArea, 32, 0x77));
}

TEST_F(KvmClockTest, EveryFieldPassesTheSeam) {
  // Field, and where it lies.
  const std::pair<const char*, std::pair<unsigned, unsigned>> fields[] = {
      {"version", {0, 4}},
      {"pad0", {4, 4}},
      {"tsc_timestamp", {8, 8}},
      {"system_time", {16, 8}},
      {"tsc_to_system_mul", {24, 4}},
      {"tsc_shift", {28, 1}},
      {"flags", {29, 1}},
      {"pad", {30, 2}}};
  for (const auto& [name, place] : fields) {
    violate(Seam::kMemory, {{"value", 0xa5a5a5a5a5a5a5a5ul}},
            {{"area", "system-time"s}, {"field", std::string(name)}});
    machine->fill(kArea, 32, 0);
    model->wrmsr(0, 0x4b564d01, kArea + 1);
    EXPECT_TRUE(machine->all(kArea + place.first, place.second, 0xa5)) << name;
    EXPECT_GE(interposer.total_committed(), 1u) << name;
  }
  for (const auto& [name, offset] : {std::pair{"version", 0u}, {"sec", 4u}, {"nsec", 8u}}) {
    violate(Seam::kMemory, {{"value", 0xa5a5a5a5ul}},
            {{"area", "wall-clock"s}, {"field", std::string(name)}});
    machine->fill(kArea, 32, 0);
    model->wrmsr(0, 0x4b564d00, kArea);
    EXPECT_EQ(machine->get<std::uint32_t>(kArea + offset), 0xa5a5a5a5u) << name;
  }
}

TEST_F(KvmClockTest, NaturalViolations) {
  // Time goes back at an update that the guest did not ask for.
  violate(Seam::kMemory, {{"add", ~0ul - 999'999}},
          {{"area", "system-time"s}, {"field", "system_time"s}, {"when", "update"s}});
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  const std::uint64_t before = guest_time();
  advance(300'000);
  EXPECT_LT(guest_time(), before);
  // CPU 1 is ahead.
  violate(Seam::kMemory, {{"add", 10'000ul}},
          {{"area", "system-time"s}, {"field", "system_time"s}, {"cpu", 1ul}});
  model->wrmsr(0, 0x4b564d01, kArea + 1);
  model->wrmsr(1, 0x4b564d01, kArea + 64 + 1);
  EXPECT_EQ(guest_time(kArea + 64) - guest_time(), 10'000u);
  // Disabling is not honoured.
  violate(Seam::kWrmsr, {{"keep", "yes"s}}, {{"msr", 0x4b564d01ul}, {"bit-clear", 0ul}});
  model->wrmsr(0, 0x4b564d01, kArea);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d01), kArea);
  machine->fill(kArea, 32, 0);
  advance(1'000'000);
  EXPECT_NE(page().version, 0u);
}

}  // namespace
}  // namespace hypervet::pv
