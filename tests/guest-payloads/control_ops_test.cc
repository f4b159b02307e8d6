// SPDX-License-Identifier: Apache-2.0
// Several CPUs, repetition, host verbs, scenarios and the boot itself, on real QEMU.
#include <gtest/gtest.h>

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/scenarios.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t id(ScenarioId scenario) { return static_cast<std::uint64_t>(scenario); }

class ControlOps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  void run(QemuOptions options = {}) {
    program.header().cpus = options.cpus;
    const QemuRun run = run_in_qemu(program.encode(), options);
    EXPECT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(Doorbell::kFinished));
    frames = run.frames;
    begun = run.begun;
    for (std::size_t i = 0; i + 1 < frames.all.size(); ++i) {
      EXPECT_LT(frames.all[i].header.sequence, frames.all[i + 1].header.sequence);
    }
    EXPECT_EQ(frames.last().values()[0], frames.last().header.sequence) << "frames before the last";
  }
  // A pvclock_vcpu_time_info that counts `mul` / 2^31 nanoseconds per tick from `start` on.
  void make_clock(std::uint64_t at, std::uint32_t version, std::uint64_t start, std::uint32_t mul) {
    program.op(OpCode::kStore, {at, version}, {.width = 4});
    program.op(OpCode::kStore, {at + 16, start}, {.width = 8});
    program.op(OpCode::kStore, {at + 24, mul}, {.width = 4});
    program.op(OpCode::kStore, {at + 28, 1}, {.width = 1});  // shift
  }
  std::uint32_t scenario(ScenarioId which, std::uint64_t a, std::uint64_t b, std::uint64_t c = 0) {
    return program.op(OpCode::kScenario, {id(which), a, b, c});
  }
  ProgramBuilder program;
  Frames frames;
  std::size_t begun = 0;
};

TEST_F(ControlOps, EmptyProgramOnBothMachines) {
  for (const char* machine : {"microvm,pit=off,pic=off,rtc=off,acpi=off", "q35"}) {
    run({.machine = machine});
    ASSERT_EQ(frames.all.size(), 2u);
    EXPECT_EQ(frames.all[0].hello().version, kProgramVersion);
    EXPECT_EQ(frames.all[0].hello().cpus, 1u);
  }
}

TEST_F(ControlOps, CommandLineOfAStrangerDoesNotMatter) {
  program.op(OpCode::kRdtsc);
  run({.words = "reboot=k panic=1 pci=off cpus=x apic= tsc-khz=99999999999 channel=memoryx exit="});
  EXPECT_EQ(frames.all.size(), 3u);
}

class Processors : public ControlOps, public ::testing::WithParamInterface<unsigned> {};

TEST_P(Processors, AllStartAndEachDoesItsBlock) {
  const unsigned n = GetParam();
  std::vector<std::uint32_t> ids(n), joins(n);
  for (unsigned cpu = 1; cpu < n; ++cpu) {
    program.block(OpCode::kOnCpu, {cpu}, [&] {
      ids[cpu] = program.op(OpCode::kApicRead, {0x20}, {.slot = cpu});
      program.op(OpCode::kStore, {kArenaAddress + cpu, 1}, {.width = 1});
      program.op(OpCode::kAwaitMemory, {kArenaAddress + 0x100, ~0ull, 1, 5 * kSecond},
                 {.width = 1});
    });
  }
  for (unsigned cpu = 1; cpu < n; ++cpu) {
    program.op(OpCode::kAwaitMemory, {kArenaAddress + cpu, ~0ull, 1, 5 * kSecond}, {.width = 1});
  }
  program.op(OpCode::kStore, {kArenaAddress + 0x100, 1}, {.width = 1});
  for (unsigned cpu = 1; cpu < n; ++cpu) joins[cpu] = program.op(OpCode::kJoin, {cpu, 5 * kSecond});
  // To each its interrupt, addressed by the APIC id that it read.
  for (unsigned cpu = 1; cpu < n; ++cpu) program.op(OpCode::kSendIcr, {0x4040 + cpu, cpu});
  std::vector<std::uint32_t> waits(n);
  for (unsigned cpu = 1; cpu < n; ++cpu) {
    waits[cpu] = program.op(OpCode::kAwaitInterrupts, {0x40 + cpu, 1, cpu, 5 * kSecond});
  }
  run({.cpus = n});
  const HelloPayload hello = frames.all[0].hello();
  EXPECT_EQ(hello.cpus, n);
  for (unsigned cpu = 0; cpu < n; ++cpu) EXPECT_EQ(hello.apic_ids[cpu], cpu);
  for (unsigned cpu = 1; cpu < n; ++cpu) {
    EXPECT_EQ(frames.of(ids[cpu]).header.cpu, cpu);
    EXPECT_EQ(frames.values(ids[cpu])[0] >> 24, cpu);
    EXPECT_EQ(frames.values(joins[cpu])[0], 1u);
    EXPECT_EQ(frames.values(waits[cpu])[2], 1u);
  }
}
INSTANTIATE_TEST_SUITE_P(Counts, Processors, ::testing::Values(2u, 4u, 8u));

TEST_F(ControlOps, ACpuCanHandWorkToAThird) {
  std::uint32_t inner = 0, join = 0;
  program.block(OpCode::kOnCpu, {1}, [&] {
    program.block(OpCode::kOnCpu, {2}, [&] { inner = program.op(OpCode::kRdtsc); });
    join = program.op(OpCode::kJoin, {2, 5 * kSecond});
  });
  const auto outer = program.op(OpCode::kJoin, {1, 5 * kSecond});
  run({.cpus = 3});
  EXPECT_EQ(frames.of(inner).header.cpu, 2u);
  EXPECT_EQ(frames.values(join)[0], 1u);
  EXPECT_EQ(frames.values(outer)[0], 1u);
}

TEST_F(ControlOps, RepeatGivesEachRoundItsObservations) {
  std::uint32_t op = 0;
  const auto repeat = program.block(OpCode::kRepeat, {3}, [&] {
    program.block(OpCode::kRepeat, {4}, [&] { op = program.op(OpCode::kRdtsc); });
  });
  const auto never = program.block(OpCode::kRepeat, {0}, [&] { program.op(OpCode::kRdtsc); });
  run();
  EXPECT_EQ(frames.count(op), 12u);
  EXPECT_TRUE(frames.done(repeat));
  EXPECT_TRUE(frames.done(never));
  EXPECT_EQ(begun, 1u + 3 + 12 + 1) << "each op that is begun is announced";
}

TEST_F(ControlOps, AnOpThatTheRestDependsOnEndsTheProgram) {
  std::uint32_t endless = 0, in_repeat = 0;
  program.block(OpCode::kOnCpu, {1}, [&] {
    program.block(OpCode::kRepeat, {1'000'000},
                  [&] { endless = program.op(OpCode::kSettle, {kSecond / 1000}); });
  });
  const auto reached = program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 0, kSecond},
                                  {.width = 8, .flags = kOrEnd});
  std::uint32_t wait = 0;
  program.block(OpCode::kRepeat, {3}, [&] {
    wait = program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 1, 0},
                      {.width = 8, .flags = kOrEnd});
    in_repeat = program.op(OpCode::kRdtsc);
  });
  const auto after = program.op(OpCode::kSettle, {60 * kSecond});
  run({.cpus = 2});
  EXPECT_EQ(frames.values(reached)[0], 1u);
  EXPECT_EQ(frames.count(wait), 1u);
  EXPECT_EQ(frames.values(wait)[0], 0u);
  EXPECT_EQ(frames.count(in_repeat), 0u);
  EXPECT_EQ(frames.count(after), 0u);
  EXPECT_LT(frames.count(endless), 1'000'000u);
}

TEST_F(ControlOps, HostVerbsOverTheLine) {
  const auto verb = static_cast<std::uint64_t>(HostVerb::kRaiseMsi);
  const auto op = program.op(OpCode::kHost, {verb, 0x41, 2, 3}, {.slot = 7});
  const auto slot = program.op(OpCode::kCpuid, {0, In::slot(7)});
  const auto unknown = program.op(OpCode::kHost, {0x1234});
  std::vector<std::uint64_t> first;
  run({.host =
           [&](const std::vector<std::uint64_t>& call) -> std::pair<std::uint8_t, std::uint64_t> {
    if (call[0] != verb) return {static_cast<std::uint8_t>(HostStatus::kUnknownVerb), 0};
    first = call;
    return {0, 0x0102'0304'0506'0708};
  }});
  ASSERT_GE(first.size(), 5u);
  EXPECT_EQ(first[1], 0x41u);
  EXPECT_EQ(first[2], 2u);
  EXPECT_EQ(first[3], 3u);
  EXPECT_EQ(first[4], 0u);
  EXPECT_EQ(frames.values(op)[0], 0u);
  EXPECT_EQ(frames.values(op)[1], 0x0102'0304'0506'0708u);
  EXPECT_EQ(frames.executed(slot).before.rcx, 0x0102'0304'0506'0708u);
  EXPECT_EQ(frames.values(unknown)[0], static_cast<std::uint64_t>(HostStatus::kUnknownVerb));
}

TEST_F(ControlOps, ClockMonotonic) {
  make_clock(kArenaAddress, 2, 1000, 1u << 31);
  const auto good = scenario(ScenarioId::kClockMonotonic, kArenaAddress, 50);
  make_clock(kArenaAddress + 0x40, 3, 1000, 1u << 31);
  const auto odd = scenario(ScenarioId::kClockMonotonic, kArenaAddress + 0x40, 50);
  make_clock(kArenaAddress + 0x80, 2, 1000, 0);
  const auto frozen = scenario(ScenarioId::kClockMonotonic, kArenaAddress + 0x80, 50);
  const auto absent = scenario(ScenarioId::kClockMonotonic, kWindowAddress, 50);
  run();
  const auto v = frames.values(good);
  EXPECT_EQ(v[0], 50u);
  EXPECT_EQ(v[1], 0u);
  EXPECT_EQ(v[2], 0u);
  EXPECT_LT(v[4], v[5]);
  EXPECT_EQ(frames.values(odd)[0], 0u);
  EXPECT_GT(frames.values(odd)[1], 0u);
  EXPECT_EQ(frames.values(frozen)[0], 50u);
  EXPECT_EQ(frames.values(frozen)[4], 1000u);
  EXPECT_EQ(frames.values(frozen)[5], 1000u);
  EXPECT_EQ(frames.executed(absent).vector, 14u);
}

TEST_F(ControlOps, ClockAcrossCpusFindsACpuThatLagsBehind) {
  for (unsigned cpu = 0; cpu < 3; ++cpu)
    make_clock(kArenaAddress + 0x40 * cpu, 2, 100 * kSecond, 1u << 31);
  const auto good = scenario(ScenarioId::kClockAcrossCpus, kArenaAddress, 0x40, 60);
  program.op(OpCode::kStore, {kArenaAddress + 0x40 + 16, 40 * kSecond}, {.width = 8});
  const auto lagging = scenario(ScenarioId::kClockAcrossCpus, kArenaAddress, 0x40, 60);
  run({.cpus = 3});
  EXPECT_EQ(frames.values(good)[0], 60u);
  EXPECT_EQ(frames.values(good)[1], 0u);
  EXPECT_EQ(frames.values(lagging)[0], 60u);
  EXPECT_EQ(frames.values(lagging)[1], 20u) << "each time that CPU 1 follows CPU 0";
  EXPECT_LE(frames.values(lagging)[2], 60 * kSecond);
  EXPECT_GT(frames.values(lagging)[2], 50 * kSecond);
}

TEST_F(ControlOps, PvEoiCount) {
  const auto plain = scenario(ScenarioId::kPvEoiCount, kArenaAddress, 0x51, 5);
  program.op(OpCode::kStore, {kArenaAddress, 1}, {.width = 4});
  // The first is ended by the word, which QEMU knows nothing of: so it stays in service and the
  // second never comes.
  const auto stuck = scenario(ScenarioId::kPvEoiCount, kArenaAddress, 0x51, 5);
  run();
  const std::vector<std::uint64_t> expected = {5, 0, 0, 5, 0, 0};
  auto values = frames.values(plain);
  values.resize(6);
  EXPECT_EQ(values, expected);
  values = frames.values(stuck);
  values.resize(6);
  EXPECT_EQ(values, (std::vector<std::uint64_t>{1, 1, 1, 0, 0, 1}));
}

TEST_F(ControlOps, WatchVersion) {
  const auto still = scenario(ScenarioId::kWatchVersion, kArenaAddress, 1'000'000);
  program.block(OpCode::kOnCpu, {1}, [&] {
    program.block(OpCode::kRepeat, {200}, [&] {
      program.op(OpCode::kStore, {kArenaAddress, 1}, {.width = 4});
      program.op(OpCode::kSettle, {500'000});
      program.op(OpCode::kStore, {kArenaAddress, 0}, {.width = 4});
      program.op(OpCode::kSettle, {500'000});
    });
  });
  program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 1, 5 * kSecond}, {.width = 4});
  // Long enough that both vCPUs run on a machine that has other work too.
  const auto moving = scenario(ScenarioId::kWatchVersion, kArenaAddress, 600'000'000);
  program.op(OpCode::kJoin, {1, 10 * kSecond});
  run({.cpus = 2});
  EXPECT_GT(frames.values(still)[0], 10u);
  EXPECT_EQ(frames.values(still)[1], 0u);
  EXPECT_EQ(frames.values(still)[2], 0u);
  EXPECT_GT(frames.values(moving)[1], 0u) << "odd";
  EXPECT_GT(frames.values(moving)[2], 0u) << "changes";
  EXPECT_GT(frames.values(moving)[3], 0u) << "backwards";
}

}  // namespace
}  // namespace hypervet::tests
