// SPDX-License-Identifier: Apache-2.0
// The memory channel, and the agent on whatever KVM there is: boot, SMP, x2APIC, host verbs,
// overflow, and what it costs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/scenarios.h"
#include "tests/guest-payloads/kvm_run.h"
#include "tests/guest-payloads/program_builder.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

constexpr std::uint64_t kSecond = 1'000'000'000;

class AgentOnKvm : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = kvm_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  void run(const KvmOptions& options = {}) {
    program.header().cpus = options.cpus;
    run_ = run_on_kvm(program.encode(), options);
    ASSERT_EQ(run_.error, "");
    ASSERT_EQ(run_.end, Doorbell::kFinished);
    frames = run_.frames;
  }
  ProgramBuilder program;
  KvmRun run_;
  Frames frames;
};

TEST_F(AgentOnKvm, BootsAndTellsInTheMailbox) {
  const auto op = program.op(OpCode::kCpuid, {0x4000'0000, 0});
  run();
  EXPECT_EQ(frames.all[0].hello().cpus, 1u);
  EXPECT_EQ(frames.executed(op).vector, kNoFault);
  EXPECT_EQ(run_.mailbox.magic, kMailboxMagic);
  EXPECT_EQ(run_.mailbox.cpus, 1u);
  EXPECT_EQ(run_.mailbox.current_op[0], kNoOp);
  EXPECT_GE(run_.mailbox.progress[0], 1u);
  EXPECT_FALSE(run_.overflowed);
  const double ms = std::chrono::duration<double, std::milli>(run_.to_ready).count();
  fmt::print("from KVM_RUN to ready: {:.2f} ms\n", ms);
  RecordProperty("boot_ms", fmt::format("{:.2f}", ms));
}

// Without a command line everything is as by default: the memory channel, one CPU.
TEST_F(AgentOnKvm, EnteredByLinuxsProtocol) {
  const auto op = program.op(OpCode::kLoad, {kMailboxAddress}, {.width = 8});
  run({.linux_entry = [](guest::BootParams&) {}});
  EXPECT_EQ(frames.executed(op).after.rax, kMailboxMagic);
  run({.linux_entry = [](guest::BootParams& params) { params.command_line = 0; }});
  EXPECT_EQ(frames.executed(op).after.rax, kMailboxMagic);
}

TEST_F(AgentOnKvm, BootParamsThatAreNoneAreARefusal) {
  program.op(OpCode::kRdtsc);
  run_ = run_on_kvm(program.encode(),
                    {.linux_entry = [](guest::BootParams& params) { params.signature = 0; }});
  EXPECT_EQ(run_.error, "");
  ASSERT_EQ(run_.end, Doorbell::kRefused);
  EXPECT_EQ(run_.frames.last().refused().reason, Refusal::kPlace);
}

TEST_F(AgentOnKvm, WhatAnOpCosts) {
  constexpr int kOps = 200;
  for (int i = 0; i < kOps; ++i) program.op(OpCode::kRdtsc);
  run();
  const double each = std::chrono::duration<double, std::micro>(run_.to_end).count() / kOps;
  const auto& header = frames.of(0).header;
  fmt::print("{:.0f} us an op, check included; {} ticks from load to store of the registers\n",
             each, header.tsc_end - header.tsc);
  RecordProperty("us_per_op", fmt::format("{:.0f}", each));
  EXPECT_EQ(frames.all.size(), kOps + 2u);
}

TEST_F(AgentOnKvm, UserModeAndFaults) {
  const auto user = program.op(OpCode::kCpuid, {1, 0}, {.flags = kUser});
  const auto gp = program.op(OpCode::kRdmsr, {0x1b}, {.flags = kUser});
  const auto pf = program.op(OpCode::kLoad, {kWindowAddress}, {.width = 8, .flags = kUser});
  const auto compat = program.op(OpCode::kLoad, {kMailboxAddress}, {.width = 4, .flags = kCompat});
  const auto both =
      program.op(OpCode::kLoad, {kMailboxAddress}, {.width = 4, .flags = kCompat | kUser});
  run();
  EXPECT_EQ(frames.executed(user).vector, kNoFault);
  EXPECT_EQ(frames.executed(gp).vector, 13u);
  EXPECT_EQ(frames.executed(pf).vector, 14u);
  EXPECT_EQ(frames.executed(pf).error_code, 4u);
  EXPECT_EQ(frames.executed(pf).cr2, kWindowAddress);
  for (const auto op : {compat, both}) {
    EXPECT_EQ(frames.executed(op).vector, kNoFault);
    EXPECT_EQ(frames.executed(op).after.rax, kMailboxMagic & 0xffff'ffff);
  }
}

class AgentOnKvmInApicMode : public AgentOnKvm,
                             public ::testing::WithParamInterface<const char*> {};

TEST_P(AgentOnKvmInApicMode, TwoCpusInterruptEachOther) {
  const bool x2apic = std::string(GetParam()) == "x2apic";
  std::uint32_t id = 0;
  program.block(OpCode::kOnCpu, {1}, [&] {
    id = program.op(OpCode::kApicRead, {0x20}, {.slot = 1});
    program.op(OpCode::kSendIcr, {0x4051, 0});
  });
  const auto to_us = program.op(OpCode::kAwaitInterrupts, {0x51, 1, 0, 5 * kSecond});
  program.op(OpCode::kSendIcr, {0x4041, 1});
  const auto to_them = program.op(OpCode::kAwaitInterrupts, {0x41, 1, 1, 5 * kSecond});
  const auto join = program.op(OpCode::kJoin, {1, 5 * kSecond});
  run({.cpus = 2, .words = std::string("apic=") + GetParam()});
  EXPECT_EQ(frames.all[0].hello().cpus, 2u);
  EXPECT_EQ(frames.values(id)[0], x2apic ? 1u : 1u << 24);
  EXPECT_EQ(frames.values(to_us)[0], 1u);
  EXPECT_EQ(frames.values(to_them)[0], 1u);
  EXPECT_EQ(frames.values(join)[0], 1u);
}
INSTANTIATE_TEST_SUITE_P(Modes, AgentOnKvmInApicMode, ::testing::Values("xapic", "x2apic"));

TEST_F(AgentOnKvm, ApicModesAndBack) {
  const auto x2 = program.op(OpCode::kApicMode, {1});
  const auto reserved = program.op(OpCode::kApicWrite, {0x20, 1});  // the id cannot be written
  program.op(OpCode::kSendIcr, {0x44041, 0});
  const auto one = program.op(OpCode::kAwaitInterrupts, {0x41, 1, 0, kSecond});
  const auto x1 = program.op(OpCode::kApicMode, {0});
  const auto base = program.op(OpCode::kRdmsr, {0x1b});
  program.op(OpCode::kSendIcr, {0x44042, 0});
  const auto two = program.op(OpCode::kAwaitInterrupts, {0x42, 1, 0, kSecond});
  run();
  EXPECT_TRUE(frames.done(x2));
  EXPECT_EQ(frames.executed(reserved).vector, 13u);
  EXPECT_EQ(frames.values(one)[0], 1u);
  EXPECT_TRUE(frames.done(x1));
  EXPECT_EQ(frames.executed(base).after.rax & 0xc00, 0x800u);
  EXPECT_EQ(frames.values(two)[0], 1u);
}

TEST_F(AgentOnKvm, HostVerbsThroughTheMailbox) {
  const auto op = program.op(
      OpCode::kHost, {static_cast<std::uint64_t>(HostVerb::kRaiseMsi), 1, 2, 3}, {.slot = 0});
  const auto slot = program.op(OpCode::kCpuid, {0, In::slot(0)});
  Mailbox seen{};
  run({.host = [&](Mailbox& box) {
    seen = box;
    box.host_result = 0x1234'5678'9abc'def0;
    box.host_status = static_cast<std::uint32_t>(HostStatus::kDone);
  }});
  EXPECT_EQ(seen.host_verb, static_cast<std::uint32_t>(HostVerb::kRaiseMsi));
  EXPECT_EQ(seen.host_arguments[0], 1u);
  EXPECT_EQ(seen.host_arguments[2], 3u);
  EXPECT_EQ(seen.current_op[0], op);
  EXPECT_EQ(frames.values(op)[0], 0u);
  EXPECT_EQ(frames.values(op)[1], 0x1234'5678'9abc'def0u);
  EXPECT_EQ(frames.executed(slot).before.rcx, 0x1234'5678'9abc'def0u);
}

TEST_F(AgentOnKvm, FullBufferIsMarkedAndStillEndsWithFinished) {
  // 4144 bytes a frame: 240 fill 960 KiB.
  program.block(OpCode::kRepeat, {300}, [&] { program.op(OpCode::kRead, {kArenaAddress, 4096}); });
  run();
  EXPECT_TRUE(run_.overflowed);
  EXPECT_EQ(frames.last().kind(), FrameKind::kFinished);
  EXPECT_GT(frames.all.size(), 230u);
  EXPECT_LE(run_.mailbox.committed, kObservationsSize);
}

TEST_F(AgentOnKvm, KvmClockIsMonotonic) {
  constexpr std::uint64_t kMsrSystemTime = 0x4b56'4d01;
  program.op(OpCode::kWrmsr, {kMsrSystemTime, kArenaAddress | 1});
  const auto op =
      program.op(OpCode::kScenario,
                 {static_cast<std::uint64_t>(ScenarioId::kClockMonotonic), kArenaAddress, 20});
  run();
  EXPECT_EQ(frames.values(op)[0], 20u);
  EXPECT_EQ(frames.values(op)[2], 0u);
  EXPECT_LT(frames.values(op)[4], frames.values(op)[5]);
}

}  // namespace
}  // namespace hypervet::tests
