// SPDX-License-Identifier: Apache-2.0
// The real agent on the simulator: what it can be asked for, what it does, and that it does it
// again.
#include "backends/sim/sim_backend.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/backends/sim/sim_fixture.h"

namespace hypervet::sim::test {
namespace {

using testing::HasSubstr;

TEST(SimBackend, SaysWhatItIs) {
  const SimBackend& sim = simulator();
  EXPECT_EQ(sim.name(), "sim");
  EXPECT_TRUE(sim.availability().available) << sim.availability().reason;
  EXPECT_TRUE(sim.target().is_model);
  EXPECT_THAT(sim.target().name, HasSubstr("hypervet reference model"));
  EXPECT_TRUE(sim.commits_violations());
  EXPECT_EQ(sim.max_cpus(), protocol::kMaxCpus);
  for (const protocol::HostVerbEntry& entry : protocol::kHostVerbs) {
    EXPECT_TRUE(sim.has(entry.verb)) << entry.name;
  }
  EXPECT_FALSE(sim.has(static_cast<protocol::HostVerb>(999)));
}

TEST(SimBackend, RefusesWhatItCannotBuild) {
  const SimBackend& sim = simulator();
  EXPECT_FALSE(sim.refuses({}));
  for (const backends::Setting& setting : backends::known_settings()) {
    if (setting.name == "device") continue;  // some have no model: virtio_device_test
    for (const std::string_view value : setting.values) {
      Configuration configuration;
      configuration.settings[std::string(setting.name)] = value;
      EXPECT_FALSE(sim.refuses(configuration)) << setting.name << '=' << value;
    }
  }
  EXPECT_THAT(*sim.refuses(with_cpus(9)), HasSubstr("9 CPUs"));
  EXPECT_TRUE(sim.refuses(with_cpus(0)));
  Configuration small;
  small.memory = protocol::kMinimumMemory - 1;
  EXPECT_THAT(*sim.refuses(small), HasSubstr("of memory"));
  Configuration odd;
  odd.settings["apic"] = "y2apic";
  EXPECT_EQ(sim.refuses(odd), "setting 'apic' cannot be 'y2apic'");
  odd.settings = {{"colour", "red"}};
  EXPECT_EQ(sim.refuses(odd), "unknown setting 'colour'");
}

TEST(SimBackend, WithoutAnAgentItIsUnavailable) {
  const SimBackend none({.agent = "/nonexistent/agent.elf"});
  EXPECT_FALSE(none.availability().available);
  EXPECT_THAT(none.availability().reason, HasSubstr("/nonexistent/agent.elf"));
  const Outcome outcome = run_on(none, ProgramBuilder().build());
  EXPECT_EQ(outcome.stop, Stop::kBackendError);
}

// --- Every machine that can be asked for boots and runs.
// ------------------------------------------

struct Shape {
  unsigned cpus;
  const char* apic;
  const char* channel;
  CpuVendor vendor;
};

class EveryShape : public testing::TestWithParam<Shape> {};

TEST_P(EveryShape, BootsAndRunsOnAllItsCpus) {
  const Shape& shape = GetParam();
  RunOptions options{.configuration = with_cpus(shape.cpus), .vendor = shape.vendor};
  options.configuration.settings = {{"apic", shape.apic}, {"channel", shape.channel}};
  ProgramBuilder program(shape.cpus);
  program.op(OpCode::kCpuid, {0x4000'0000, 0});
  std::vector<std::uint32_t> remote;
  std::uint32_t index = 1;
  for (unsigned cpu = 1; cpu < shape.cpus; ++cpu) {
    program.open(OpCode::kOnCpu, {cpu});
    program.op(OpCode::kCpuid, {1, 0});
    program.close();
    remote.push_back(index + 1);
    program.op(OpCode::kJoin, {cpu, 100'000'000});
    index += 3;
  }
  const Outcome outcome = run(program, options);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_FALSE(outcome.overflowed);
  EXPECT_EQ(outcome.tsc_khz, 1'000'000u);
  EXPECT_GT(outcome.ticks, 0u);
  EXPECT_EQ(outcome.cpus.size(), shape.cpus);
  const auto frames = parse_frames(outcome.observations);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.front().header.kind, protocol::FrameKind::kHello);
  EXPECT_EQ(frames.front().as<protocol::HelloPayload>().cpus, shape.cpus);
  EXPECT_EQ(frames.back().header.kind, protocol::FrameKind::kFinished);
  const auto signature = executed(outcome, 0).after;
  EXPECT_EQ(signature.rbx, 0x4b4d'564bu) << "KVMK";
  for (std::size_t i = 0; i < remote.size(); ++i) {
    EXPECT_EQ(executed(outcome, remote[i]).after.rbx >> 24, i + 1) << "initial APIC id";
    EXPECT_EQ(values(outcome, remote[i] + 1)[0], 1u) << "joined";
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, EveryShape,
                         testing::Values(Shape{1, "xapic", "memory", CpuVendor::intel},
                                         Shape{2, "xapic", "memory", CpuVendor::amd},
                                         Shape{3, "x2apic", "memory", CpuVendor::intel},
                                         Shape{4, "xapic", "serial", CpuVendor::intel},
                                         Shape{5, "xapic", "memory", CpuVendor::intel},
                                         Shape{6, "x2apic", "serial", CpuVendor::amd},
                                         Shape{7, "xapic", "memory", CpuVendor::intel},
                                         Shape{8, "x2apic", "memory", CpuVendor::amd},
                                         Shape{8, "xapic", "memory", CpuVendor::intel}));

// --- Ops
// ------------------------------------------------------------------------------------------

TEST(SimPrograms, HypercallsReachTheModel) {
  for (const CpuVendor vendor : {CpuVendor::intel, CpuVendor::amd}) {
    ProgramBuilder program;
    program.op(OpCode::kHypercall, {13, 1, 2, 3, 4});
    program.op(OpCode::kHypercall, {1}).variant = 1;  // the other vendor's opcode
    program.op(OpCode::kHypercall, {1}).flags = protocol::kUser;
    const Outcome outcome = run(program, {.vendor = vendor});
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    EXPECT_EQ(executed(outcome, 0).after.rax, static_cast<std::uint64_t>(-1000));
    EXPECT_EQ(executed(outcome, 0).after.rbx, 1u);
    EXPECT_EQ(executed(outcome, 1).after.rax, 0u) << "patched and executed again";
    EXPECT_EQ(executed(outcome, 2).after.rax, static_cast<std::uint64_t>(-1)) << "CPL 3";
  }
}

TEST(SimPrograms, TheForeignOpcodeFaultsWithTheQuirkOff) {
  RunOptions options;
  options.configuration.settings["hypercall-patching"] = "off";
  ProgramBuilder program;
  program.op(OpCode::kHypercall, {1}).variant = 1;
  const Outcome outcome = run(program, options);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(executed(outcome, 0).vector, 6u);
}

TEST(SimPrograms, MsrsFaultAsTheyShould) {
  ProgramBuilder program;
  program.op(OpCode::kRdmsr, {0x1b});
  program.op(OpCode::kRdmsr, {0xdead});
  program.op(OpCode::kWrmsr, {0x4b56'4d05, 2});  // poll control, reserved bit
  program.op(OpCode::kRdmsr, {0x4b56'4d05});
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(executed(outcome, 0).after.rax, 0xfee0'0900u);
  EXPECT_EQ(executed(outcome, 1).vector, 13u);
  EXPECT_EQ(executed(outcome, 2).vector, 13u);
  EXPECT_EQ(executed(outcome, 3).after.rax, 1u);
}

TEST(SimPrograms, TheTscCanBeSet) {
  ProgramBuilder program;
  program.op(OpCode::kWrmsr, {0x10, 5'000'000'000'000});
  program.op(OpCode::kRdtsc);
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  const auto after = executed(outcome, 1).after;
  const std::uint64_t tsc = after.rdx << 32 | (after.rax & 0xffff'ffff);
  EXPECT_GE(tsc, 5'000'000'000'000u);
  EXPECT_LT(tsc, 5'000'001'000'000u);
}

TEST(SimPrograms, AWithheldFeatureIsNotOffered) {
  RunOptions options;
  options.configuration.without = {{1, 2, 24}, {0x4000'0001, 0, 5}};
  ProgramBuilder program;
  program.op(OpCode::kCpuid, {1, 0});
  program.op(OpCode::kCpuid, {0x4000'0001, 0});
  const Outcome clean = run(program);
  const Outcome less = run(program, options);
  EXPECT_EQ(executed(clean, 0).after.rcx ^ executed(less, 0).after.rcx, 1u << 24);
  EXPECT_EQ(executed(clean, 1).after.rax ^ executed(less, 1).after.rax, 1u << 5);
}

TEST(SimPrograms, InterruptsArrive) {
  constexpr std::uint64_t kVector = 0x50;
  ProgramBuilder program(2);
  program.open(OpCode::kHandler, {kVector});
  program.op(OpCode::kStore, {protocol::kArenaAddress, 0x77}, 4);
  program.close();
  program.op(OpCode::kSendIcr, {0x4'4000 | kVector, 0});             // 2: to itself
  program.op(OpCode::kAwaitInterrupts, {kVector, 1, 0, 1'000'000});  // 3
  program.op(OpCode::kSendIcr, {0x4000 | kVector, 1});               // 4: to CPU 1
  program.op(OpCode::kAwaitInterrupts, {kVector, 1, 1, 1'000'000});  // 5
  program.op(OpCode::kHost,
             {static_cast<std::uint64_t>(protocol::HostVerb::kRaiseMsi), kVector, 0});
  program.op(OpCode::kAwaitInterrupts, {kVector, 2, 0, 1'000'000});  // 7
  program.op(OpCode::kLoad, {protocol::kArenaAddress}, 4);           // 8
  const Outcome outcome = run(program, {.configuration = with_cpus(2)});
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(values(outcome, 3)[0], 1u);
  EXPECT_EQ(values(outcome, 6)[0], 0u) << "status of the verb";
  EXPECT_EQ(values(outcome, 7)[0], 1u);
  EXPECT_EQ(executed(outcome, 8).after.rax & 0xffff'ffff, 0x77u);
}

TEST(SimPrograms, TheApicTimerWakesHlt) {
  ProgramBuilder program;
  program.op(OpCode::kApicWrite, {0x3e0, 0xb});
  program.op(OpCode::kApicWrite, {0x320, 0x60});
  program.op(OpCode::kApicWrite, {0x380, 40'000'000});
  program.op(OpCode::kHalt).flags = protocol::kInterruptsOn;
  program.op(OpCode::kCounts, {0x60});
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_NEAR(static_cast<double>(values(outcome, 3)[1]), 40e6, 1e5) << "nanoseconds halted";
  EXPECT_EQ(values(outcome, 4)[0], 1u);
}

TEST(SimPrograms, WaitsTakeTheirTime) {
  ProgramBuilder program;
  program.op(OpCode::kSettle, {3'000'000'000});
  program.op(OpCode::kAwaitMemory, {protocol::kArenaAddress, ~0ull, 1, 50'000'000}, 8);
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  const std::uint64_t settled = values(outcome, 0)[1];
  EXPECT_GE(settled, 3'000'000'000u);
  EXPECT_LT(settled, 3'100'000'000u);
  EXPECT_EQ(values(outcome, 1)[0], 0u) << "nobody wrote it";
  EXPECT_LT(values(outcome, 1)[1], 51'000'000u);
}

TEST(SimPrograms, AnAbsentPageIsThereAgainOnceItIsBroughtBack) {
  constexpr std::uint64_t kPage = protocol::kArenaAddress + 0x5000;
  ProgramBuilder program;
  program.op(OpCode::kStore, {kPage, 0x1234}, 8);
  program.op(OpCode::kHost, {static_cast<std::uint64_t>(protocol::HostVerb::kPageOut), kPage});
  program.op(OpCode::kHost, {static_cast<std::uint64_t>(protocol::HostVerb::kPageIn), kPage});
  program.op(OpCode::kLoad, {kPage}, 8);
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(executed(outcome, 3).after.rax, 0x1234u);
}

TEST(SimPrograms, APageThatNobodyBringsBackIsADeadlock) {
  constexpr std::uint64_t kPage = protocol::kArenaAddress + 0x5000;
  ProgramBuilder program;
  program.op(OpCode::kHost, {static_cast<std::uint64_t>(protocol::HostVerb::kPageOut), kPage});
  program.op(OpCode::kLoad, {kPage}, 8);
  EXPECT_EQ(run(program).stop, Stop::kDeadlock);
}

TEST(SimPrograms, CompetitionStealsTime) {
  ProgramBuilder program;
  program.op(OpCode::kWrmsr, {0x4b56'4d03, protocol::kArenaAddress | 1});
  program.op(OpCode::kHost, {static_cast<std::uint64_t>(protocol::HostVerb::kCompete), 7'000'000});
  program.op(OpCode::kLoad, {protocol::kArenaAddress}, 8);
  const Outcome outcome = run(program);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_GE(executed(outcome, 2).after.rax, 7'000'000u);
}

TEST(SimPrograms, ARefusedProgramIsNotRun) {
  auto bytes = ProgramBuilder().build();
  bytes[0] = std::byte{0};
  const Outcome outcome = run_on(simulator(), bytes);
  EXPECT_EQ(outcome.stop, Stop::kRefused);
  const auto frames = parse_frames(outcome.observations);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().header.kind, protocol::FrameKind::kRefused);
}

TEST(SimPrograms, HostVerbsWorkOverTheSerialLine) {
  RunOptions options;
  options.configuration.settings["channel"] = "serial";
  ProgramBuilder program;
  program.op(OpCode::kHost, {static_cast<std::uint64_t>(protocol::HostVerb::kReadClock)});
  program.op(OpCode::kHost, {77});
  const Outcome outcome = run(program, options);
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(values(outcome, 0)[0], 0u);
  EXPECT_GT(values(outcome, 0)[1], 1'767'225'600'000'000'000u);
  EXPECT_EQ(values(outcome, 1)[0], static_cast<std::uint64_t>(protocol::HostStatus::kUnknownVerb));
}

// --- The same again
// -------------------------------------------------------------------------------

ProgramBuilder busy_program() {
  ProgramBuilder program(4);
  for (std::uint64_t cpu = 1; cpu < 4; ++cpu) {
    program.open(OpCode::kOnCpu, {cpu});
    program.open(OpCode::kRepeat, {5});
    program.op(OpCode::kHypercall, {11, 0});
    program.op(OpCode::kStore, {protocol::kArenaAddress + 8 * cpu, cpu}, 8);
    program.close();
    program.close();
  }
  for (std::uint64_t cpu = 1; cpu < 4; ++cpu) program.op(OpCode::kJoin, {cpu, 1'000'000'000});
  program.op(OpCode::kRead, {protocol::kArenaAddress, 64});
  return program;
}

TEST(SimDeterminism, TheSameSeedGivesTheSameBytes) {
  const RunOptions options{.configuration = with_cpus(4), .seed = 99};
  const Outcome first = run(busy_program(), options);
  ASSERT_EQ(first.stop, Stop::kFinished) << first.detail;
  for (int i = 0; i < 20; ++i) {
    const Outcome again = run(busy_program(), options);
    ASSERT_EQ(again.observations, first.observations);
    ASSERT_EQ(again.ticks, first.ticks);
  }
  // A machine that was never used before says the same.
  const SimBackend fresh({.agent = HYPERVET_AGENT});
  const auto bytes = busy_program().build();
  const Outcome elsewhere = run_on(fresh, bytes, options);
  EXPECT_EQ(elsewhere.observations, first.observations);
}

TEST(SimDeterminism, AnotherSeedChangesTheScheduleAlone) {
  const RunOptions options{.configuration = with_cpus(4), .seed = 1};
  const Outcome first = run(busy_program(), options);
  const auto last = [](const Outcome& o) {
    const auto frames = parse_frames(o.observations);
    for (const Frame& frame : frames) {
      if (frame.header.kind == protocol::FrameKind::kBytes) return frame.payload;
    }
    return std::vector<std::byte>{};
  };
  ASSERT_EQ(last(first).size(), 64u);
  bool differed = false;
  for (std::uint64_t seed = 2; seed < 12; ++seed) {
    RunOptions other = options;
    other.seed = seed;
    const Outcome outcome = run(busy_program(), other);
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    EXPECT_EQ(last(outcome), last(first));
    differed |= outcome.observations != first.observations;
  }
  EXPECT_TRUE(differed) << "the seed has no effect on the schedule";
}

TEST(SimDeterminism, ThreadsDoNotDisturbEachOther) {
  const RunOptions options{.configuration = with_cpus(2), .seed = 5};
  ProgramBuilder program(2);
  program.open(OpCode::kOnCpu, {1});
  program.op(OpCode::kStore, {protocol::kArenaAddress, 1}, 8);
  program.close();
  program.op(OpCode::kAwaitMemory, {protocol::kArenaAddress, ~0ull, 1, 1'000'000'000}, 8);
  const SimBackend sim({.agent = HYPERVET_AGENT});  // not booted yet: the threads race for it
  const auto bytes = program.build();
  std::vector<std::vector<std::byte>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        RunOptions mixed = options;
        mixed.configuration.settings["apic"] = i % 2 == 0 ? "xapic" : "x2apic";
        const Outcome outcome = run_on(sim, bytes, mixed);
        if (i % 2 == 0) mine = outcome.observations;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : seen) {
    EXPECT_FALSE(one.empty());
    EXPECT_EQ(one, seen[0]);
  }
}

}  // namespace
}  // namespace hypervet::sim::test
