// SPDX-License-Identifier: Apache-2.0
// The recipe of QEMU on the installed QEMU: programs one after another in one machine, hangs,
// crashes, devices, the serial channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "backends/vmm/vmm_backend.h"
#include "guest-payloads/protocol/virtio.h"
#include "tests/backends/process/scratch.h"
#include "tests/guest-payloads/frames.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::vmm {
namespace {

using backends::Configuration;
using backends::Outcome;
using backends::Stop;
using protocol::FrameKind;
using protocol::OpCode;
using ::testing::HasSubstr;
using tests::Form;
using tests::Frames;
using tests::In;
using tests::ProgramBuilder;
using namespace std::chrono_literals;

constexpr std::uint64_t kArena = protocol::kArenaAddress;

class Qemu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = tests::qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  static std::unique_ptr<VmmBackend> backend(
      std::map<std::string, std::string, std::less<>> options = {},
      std::vector<std::string> arguments = {}) {
    auto recipe = load_recipe(HV_VMM_RECIPES "/qemu.yaml");
    EXPECT_TRUE(recipe) << recipe.error();
    return std::make_unique<VmmBackend>(
        "vmm:qemu", std::move(*recipe),
        VmmOptions{HV_AGENT_ELF, "", std::move(arguments), std::move(options)});
  }
  static Outcome run(const VmmBackend& vmm, const std::vector<std::byte>& program,
                     const Configuration& configuration = {},
                     std::chrono::nanoseconds deadline = 60s) {
    backends::Job job;
    job.configuration = &configuration;
    job.program = program;
    job.limits.deadline = deadline;
    return vmm.run(job);
  }
  static Frames frames(const Outcome& outcome) {
    tests::FrameReader reader;
    reader.feed(outcome.observations);
    Frames all;
    while (auto frame = reader.next())
      if (frame->kind() != FrameKind::kBegin && frame->kind() != FrameKind::kHostCall)
        all.all.push_back(std::move(*frame));
    EXPECT_EQ(reader.error, "");
    return all;
  }
};

Configuration with(std::initializer_list<std::pair<const char*, const char*>> settings) {
  Configuration configuration;
  for (const auto& [name, value] : settings) configuration.settings[name] = value;
  return configuration;
}

std::vector<std::byte> stores(std::uint64_t value) {
  ProgramBuilder program;
  program.op(OpCode::kLoad, {kArena + 8}, {.width = 8});
  program.op(OpCode::kStore, {kArena + 8, value}, {.width = 8});
  program.header().arena_size = 4096;
  return program.encode();
}

TEST_F(Qemu, SaysWhatItIs) {
  const auto vmm = backend();
  ASSERT_TRUE(vmm->availability().available) << vmm->availability().reason;
  EXPECT_THAT(vmm->target().name, ::testing::MatchesRegex("QEMU [0-9.]+ \\(tcg\\)"));
  EXPECT_EQ(vmm->target().provider, "QEMU");
  EXPECT_FALSE(vmm->target().is_model);
}

TEST_F(Qemu, ProgramsOneAfterAnotherFindAFreshMachine) {
  const auto vmm = backend();
  for (int i = 0; i < 3; ++i) {
    const auto outcome = run(*vmm, stores(0x1234));
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
    const auto all = frames(outcome);
    EXPECT_EQ(all.all.front().kind(), FrameKind::kHello);
    EXPECT_EQ(all.executed(0).after.rax, 0u) << "round " << i;
  }
}

TEST_F(Qemu, TakesBackWhatAProgramDid) {
  const auto vmm = backend();
  ProgramBuilder dirty;
  dirty.block(OpCode::kHandler, {0x40},
              [&] { dirty.op(OpCode::kStore, {kArena, 1}, {.width = 8}); },
              {.variant = static_cast<unsigned>(protocol::EoiMode::kNone)});
  dirty.op(OpCode::kSendIcr, {0x4000 | 0x40, 0});  // fixed, asserted, to APIC 0; never ended
  dirty.op(OpCode::kAwaitInterrupts, {0x40, 1, 0, 1'000'000'000});
  dirty.op(OpCode::kApicWrite, {0x80, 0xf0});       // TPR: nothing below class 15
  dirty.op(OpCode::kApicWrite, {0x320, 0x2'0041});  // timer: periodic, vector 0x41
  // Not shorter: where the host is slow, QEMU does nothing but catch up on expiries.
  dirty.op(OpCode::kApicWrite, {0x380, 100'000});
  dirty.op(OpCode::kMap, {protocol::kWindowAddress, kArena, 3});
  const auto first = run(*vmm, dirty.encode());
  ASSERT_EQ(first.stop, Stop::kFinished) << first.detail;
  EXPECT_EQ(frames(first).values(3).at(0), 1u);

  ProgramBuilder look;
  look.op(OpCode::kSettle, {2'000'000});
  look.op(OpCode::kCounts, {0x40});
  look.op(OpCode::kCounts, {0x41});
  look.op(OpCode::kApicRead, {0x80});
  look.op(OpCode::kApicRead, {0x120});  // ISR of vectors 0x40 to 0x5f
  look.op(OpCode::kLoad, {protocol::kWindowAddress}, {.width = 8});
  look.op(OpCode::kInterruptLog, {0});
  const auto second = run(*vmm, look.encode());
  ASSERT_EQ(second.stop, Stop::kFinished) << second.detail;
  const auto all = frames(second);
  EXPECT_EQ(all.values(1).at(0), 0u);
  EXPECT_EQ(all.values(2).at(0), 0u);
  EXPECT_EQ(all.values(3).at(0), 0u);
  EXPECT_EQ(all.values(4).at(0), 0u);
  EXPECT_EQ(all.executed(5).vector, 14u);
  EXPECT_TRUE(all.bytes(6).empty());
}

TEST_F(Qemu, ABadProgramIsRefusedAndTheNextOneRuns) {
  const auto vmm = backend();
  ProgramBuilder bad;
  bad.op(static_cast<OpCode>(999));
  const auto refused = run(*vmm, bad.encode());
  EXPECT_EQ(refused.stop, Stop::kRefused) << refused.detail;
  EXPECT_EQ(frames(refused).last().refused().reason, protocol::Refusal::kOpCode);
  EXPECT_EQ(run(*vmm, stores(1)).stop, Stop::kFinished);
}

TEST_F(Qemu, SeveralCpus) {
  Configuration two;
  two.cpus = 2;
  const auto vmm = backend();
  for (int i = 0; i < 2; ++i) {
    ProgramBuilder program;
    program.header().cpus = 2;
    program.block(OpCode::kOnCpu, {1},
                  [&] { program.op(OpCode::kStore, {kArena, 7}, {.width = 8}); });
    program.op(OpCode::kJoin, {1, 5'000'000'000});
    program.op(OpCode::kLoad, {kArena}, {.width = 8});
    const auto outcome = run(*vmm, program.encode(), two);
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    EXPECT_EQ(frames(outcome).executed(3).after.rax, 7u);
  }
}

TEST_F(Qemu, AHangCostsItsProgramAlone) {
  const auto vmm = backend();
  ASSERT_EQ(run(*vmm, stores(1)).stop, Stop::kFinished);
  ProgramBuilder sleeps;
  sleeps.op(OpCode::kHalt);  // with interrupts off
  const auto hung = run(*vmm, sleeps.encode());
  EXPECT_EQ(hung.stop, Stop::kDeadlock) << hung.detail;
  ASSERT_EQ(hung.cpus.size(), 1u);
  EXPECT_TRUE(hung.cpus[0].halted);
  EXPECT_EQ(hung.cpus[0].op, 0u);
  EXPECT_FALSE(hung.cpus[0].code.empty());
  EXPECT_EQ(run(*vmm, stores(1)).stop, Stop::kFinished);
}

TEST_F(Qemu, ASleepForItsTimerIsNoDeadlock) {
  const auto vmm = backend();
  ProgramBuilder sleeps;
  sleeps.op(OpCode::kHalt, {}, {.flags = protocol::kInterruptsOn});
  const auto outcome = run(*vmm, sleeps.encode(), {}, 3s);
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
}

TEST_F(Qemu, AProgramThatGetsOnHasMoreThanItsDeadline) {
  const auto vmm = backend();
  ProgramBuilder waits;
  waits.op(OpCode::kSettle, {2'500'000'000});
  EXPECT_EQ(run(*vmm, waits.encode(), {}, 1s).stop, Stop::kFinished);
}

TEST_F(Qemu, AResetIsAShutdown) {
  const auto vmm = backend();
  ProgramBuilder program;
  program.op(OpCode::kOut, {0xcf9, 0x06}, {.width = 1});  // ICH9's reset control register
  program.op(OpCode::kSettle, {5'000'000'000});
  const auto outcome = run(*vmm, program.encode(), with({{"transport", "pci"}}));
  EXPECT_EQ(outcome.stop, Stop::kShutdown) << outcome.detail << outcome.log;
  EXPECT_EQ(run(*vmm, stores(1), with({{"transport", "pci"}})).stop, Stop::kFinished);
}

TEST_F(Qemu, ADeadVmmIsACrashWithItsEnd) {
  const test::Scratch scratch;
  const auto pid_file = scratch / "pid";
  const auto vmm = backend({}, {"-pidfile", pid_file.string()});
  std::thread killer([&] {
    pid_t pid = 0;
    while (!(std::ifstream(pid_file) >> pid)) std::this_thread::sleep_for(20ms);
    std::this_thread::sleep_for(3s);
    ::kill(pid, SIGABRT);
  });
  ProgramBuilder program;
  program.op(OpCode::kSettle, {50'000'000'000});
  const auto outcome = run(*vmm, program.encode());
  killer.join();
  EXPECT_EQ(outcome.stop, Stop::kDied) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("killed by signal 6 (Aborted)"));
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_FALSE(outcome.cpus[0].seen);
  EXPECT_EQ(outcome.cpus[0].op, 0u);
  EXPECT_EQ(run(*vmm, stores(1)).stop, Stop::kFinished);
}

TEST_F(Qemu, TheSerialChannel) {
  const auto vmm = backend();
  for (const auto* transport : {"mmio", "pci"}) {
    const auto outcome =
        run(*vmm, stores(1), with({{"channel", "serial"}, {"transport", transport}}));
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
    EXPECT_EQ(frames(outcome).executed(0).after.rax, 0u);
  }
  ProgramBuilder sleeps;
  sleeps.op(OpCode::kHalt);
  EXPECT_EQ(run(*vmm, sleeps.encode(), with({{"channel", "serial"}})).stop, Stop::kDeadlock);
}

TEST_F(Qemu, AHostVerbOfHypervetsOwn) {
  const auto vmm = backend();
  EXPECT_TRUE(vmm->has(protocol::HostVerb::kReadClock));
  EXPECT_FALSE(vmm->has(protocol::HostVerb::kPageOut));
  for (const auto* channel : {"memory", "serial"}) {
    ProgramBuilder program;
    const auto clock = static_cast<std::uint64_t>(protocol::HostVerb::kReadClock);
    program.op(OpCode::kHost, {clock, 0, 0, 0});
    program.op(OpCode::kHost, {999, 0, 0, 0});
    const auto outcome = run(*vmm, program.encode(), with({{"channel", channel}}));
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    const auto answer = frames(outcome).values(0);
    EXPECT_EQ(answer.at(0), 0u);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    EXPECT_NEAR(static_cast<double>(answer.at(1) / 1'000'000'000), static_cast<double>(now), 60);
    EXPECT_EQ(frames(outcome).values(1).at(0),
              static_cast<std::uint64_t>(protocol::HostStatus::kUnknownVerb));
  }
}

TEST_F(Qemu, WhatTheMonitorChangedIsNotThereForTheNextProgram) {
  const auto vmm = backend();
  const auto disk = with({{"device", "blk"}, {"transport", "mmio"}});
  const auto capacity_after = [&](std::uint64_t sectors) {
    ProgramBuilder program;
    program.op(OpCode::kVirtioFind, {2, 0});
    if (sectors != 0) {
      const auto verb = static_cast<std::uint64_t>(protocol::HostVerb::kResizeDisk);
      program.op(OpCode::kHost, {verb, sectors, 0, 0});
    }
    const auto config = static_cast<std::uint64_t>(protocol::VirtioRegion::kConfig);
    program.op(OpCode::kRegionRead, {config, 0}, {.width = 4});
    const auto outcome = run(*vmm, program.encode(), disk);
    EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    return frames(outcome).values(sectors != 0 ? 2 : 1).at(0);
  };
  const auto before = capacity_after(0);
  EXPECT_NE(before, 4096u);
  EXPECT_EQ(capacity_after(4096), 4096u);
  EXPECT_EQ(capacity_after(0), before);
}

struct DeviceCase {
  const char* device;
  std::uint64_t id;
  bool mmio;
};

class QemuDevices : public Qemu, public ::testing::WithParamInterface<DeviceCase> {};

TEST_P(QemuDevices, AreFoundOnEachTransport) {
  const auto [device, id, mmio] = GetParam();
  const auto vmm = backend();
  for (const auto* transport : {"mmio", "pci"}) {
    const auto configuration = with({{"device", device}, {"transport", transport}});
    const bool on_mmio = std::string(transport) == "mmio";
    if (on_mmio && !mmio) {
      EXPECT_THAT(vmm->refuses(configuration).value_or(""), HasSubstr("on pci alone"));
      continue;
    }
    ASSERT_EQ(vmm->refuses(configuration), std::nullopt);
    for (int round = 0; round < 2; ++round) {
      ProgramBuilder program;
      program.op(OpCode::kVirtioFind, {id, on_mmio ? 0u : 1u});
      const auto features = static_cast<std::uint64_t>(protocol::VirtioRegister::kDeviceFeatures);
      program.op(OpCode::kVirtioRead, {features, 0});
      program.header().arena_size = 0;
      const auto outcome = run(*vmm, program.encode(), configuration);
      ASSERT_EQ(outcome.stop, Stop::kFinished) << transport << outcome.detail << outcome.log;
      const auto all = frames(outcome);
      EXPECT_EQ(all.values(0).at(0), 1u) << transport;
      EXPECT_EQ(all.values(0).at(1), id) << transport;
      EXPECT_EQ(all.values(1).at(0) >> 32 & 1, 1u) << "VERSION_1 " << transport;
      EXPECT_EQ(all.values(1).at(0) >> 34 & 1, 1u) << "RING_PACKED " << transport;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, QemuDevices,
    ::testing::Values(DeviceCase{"entropy", 4, true}, DeviceCase{"blk", 2, true},
                      DeviceCase{"net", 1, true}, DeviceCase{"console", 3, true},
                      DeviceCase{"balloon", 5, true}, DeviceCase{"scsi", 8, true},
                      DeviceCase{"9p", 9, true}, DeviceCase{"gpu", 16, true},
                      DeviceCase{"input", 18, true}, DeviceCase{"crypto", 20, true},
                      DeviceCase{"iommu", 23, false}, DeviceCase{"mem", 24, false},
                      DeviceCase{"pmem", 27, false}),
    [](const auto& each) { return std::string("device_") + each.param.device; });

}  // namespace
}  // namespace hypervet::vmm
