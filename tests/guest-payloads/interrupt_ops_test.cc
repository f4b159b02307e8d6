// SPDX-License-Identifier: Apache-2.0
// Interrupts, handlers, their ends, the local APIC and HLT, on real QEMU.
#include <gtest/gtest.h>

#include "guest-payloads/protocol/layout.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using namespace protocol;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kSelf = 0x44000, kNmi = 0x4400, kMillisecond = 1'000'000;
constexpr std::uint64_t kIsrOf0x41 = 0x120;  // in-service bits 0x40 to 0x5f

class InterruptOps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  void run(unsigned cpus = 1) {
    program.header().cpus = cpus;
    const QemuRun run = run_in_qemu(program.encode(), {.cpus = cpus});
    EXPECT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(Doorbell::kFinished));
    frames = run.frames;
  }
  void send(std::uint64_t vector) { program.op(OpCode::kSendIcr, {kSelf | vector, 0}); }
  std::uint32_t settle() { return program.op(OpCode::kSettle, {kMillisecond}); }
  std::uint32_t log(std::uint64_t cpu = 0) { return program.op(OpCode::kInterruptLog, {cpu}); }

  ProgramBuilder program;
  Frames frames;
};

TEST_F(InterruptOps, TakenInWaitingOpsOnlyAndInOrderOfPriority) {
  send(0x31);
  send(0x51);
  send(0x41);
  program.op(OpCode::kRdtsc);
  const auto before = log();
  const auto wait = settle();
  const auto after = log();
  const auto counts = program.op(OpCode::kCounts, {0x51});
  run();
  EXPECT_EQ(frames.bytes(before), Bytes{});
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_GE(frames.values(wait)[1], kMillisecond);
  EXPECT_EQ(frames.bytes(after), (Bytes{0x51, 0x41, 0x31}));
  EXPECT_EQ(frames.values(counts)[0], 1u);
  EXPECT_EQ(frames.of(counts).header.length, 8u) << "one count per CPU";
}

TEST_F(InterruptOps, HandlerRunsItsBlockInItsContext) {
  std::uint32_t load = 0, fault = 0;
  const auto handler = program.block(OpCode::kHandler, {0x41}, [&] {
    program.op(OpCode::kStore, {kArenaAddress, 7}, {.width = 4});
    load = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 4, .slot = 2});
    fault = program.op(OpCode::kLoad, {kWindowAddress}, {.width = 4, .flags = kUser});
  });
  send(0x41);
  const auto wait = program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 7, 1000 * kMillisecond},
                               {.width = 4});
  send(0x41);
  // The handler's guard runs inside the window of this op's own guard.
  const auto outer = program.op(OpCode::kRdtsc, {}, {.flags = kInterruptsOn | kUser});
  const auto slot = program.op(OpCode::kCpuid, {0, In::slot(2)});
  run();
  EXPECT_TRUE(frames.done(handler));
  EXPECT_EQ(frames.of(load).header.context, 0x41u);
  EXPECT_EQ(frames.of(wait).header.context, 0u);
  EXPECT_EQ(frames.count(load), 2u);
  EXPECT_EQ(frames.executed(fault, 1).vector, 14u);
  EXPECT_EQ(frames.executed(fault, 1).error_code, 4u);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(frames.executed(outer).vector, kNoFault);
  EXPECT_EQ(frames.executed(outer).after.rbx, frames.executed(outer).before.rbx);
  EXPECT_EQ(frames.executed(slot).before.rcx, 7u);
}

TEST_F(InterruptOps, WithoutEoiLowerPrioritiesWait) {
  program.op(OpCode::kHandler, {0x41}, {.variant = static_cast<unsigned>(EoiMode::kNone)});
  send(0x41);
  settle();
  const auto in_service = program.op(OpCode::kApicRead, {kIsrOf0x41}, {.slot = 0});
  send(0x31);
  settle();
  const auto held = log();
  program.op(OpCode::kApicWrite, {0xb0, 0});
  settle();
  const auto released = log();
  const auto ended = program.op(OpCode::kApicRead, {kIsrOf0x41});
  run();
  EXPECT_EQ(frames.values(in_service)[0], 2u);
  EXPECT_EQ(frames.bytes(held), (Bytes{0x41}));
  EXPECT_EQ(frames.bytes(released), (Bytes{0x41, 0x31}));
  EXPECT_EQ(frames.values(ended)[0], 0u);
}

// QEMU's emulator has no PV EOI; what it would set is set by the program, so the two ways of the
// handler show.
TEST_F(InterruptOps, PvEoiClearsTheBitOrEndsAtTheApic) {
  const auto pv = static_cast<unsigned>(EoiMode::kPv);
  program.op(OpCode::kHandler, {0x41, kArenaAddress}, {.variant = pv});
  program.op(OpCode::kStore, {kArenaAddress, 0xfe}, {.width = 4});
  send(0x41);
  settle();
  const auto ended = program.op(OpCode::kApicRead, {kIsrOf0x41});
  const auto untouched = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 4});
  program.op(OpCode::kStore, {kArenaAddress, 0xff}, {.width = 4});
  send(0x41);
  settle();
  const auto skipped = program.op(OpCode::kApicRead, {kIsrOf0x41});
  const auto cleared = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 4});
  const auto bad = program.op(OpCode::kHandler, {0x42, kWindowAddress}, {.variant = pv});
  run();
  EXPECT_EQ(frames.values(ended)[0], 0u);
  EXPECT_EQ(frames.executed(untouched).after.rax, 0xfeu);
  EXPECT_EQ(frames.values(skipped)[0], 2u) << "no EOI was written";
  EXPECT_EQ(frames.executed(cleared).after.rax, 0xfeu);
  EXPECT_EQ(frames.executed(bad).vector, 14u) << "a word that cannot be read is found out at once";
}

TEST_F(InterruptOps, NmiCountsUnderTwo) {
  program.op(OpCode::kSendIcr, {kSelf | kNmi, 0});
  program.op(OpCode::kRdtsc);
  const auto counts = program.op(OpCode::kCounts, {2});
  program.op(OpCode::kOnCpu, {1});
  const auto idle = program.op(OpCode::kSendIcr, {kNmi, 1});
  program.op(OpCode::kAwaitInterrupts, {2, 1, 1, 5000 * kMillisecond});
  const auto both = program.op(OpCode::kCounts, {2});
  const auto logged = log(1);
  run(2);
  EXPECT_EQ(frames.values(counts)[0], 1u) << "whatever IF is";
  EXPECT_TRUE(frames.done(idle));
  EXPECT_EQ(frames.values(both)[0], 1u);
  EXPECT_EQ(frames.values(both)[1], 1u);
  EXPECT_EQ(frames.bytes(logged), (Bytes{2})) << "the agent's own wake-ups are not logged";
}

TEST_F(InterruptOps, SentSpuriousVectorIsEnded) {
  send(kSpuriousVector);
  settle();
  send(0x31);
  settle();
  const auto logged = log();
  run();
  EXPECT_EQ(frames.bytes(logged), (Bytes{0xff, 0x31}));
}

TEST_F(InterruptOps, HaltTakesOneInterrupt) {
  send(0x41);
  const auto halt = program.op(OpCode::kHalt, {}, {.flags = kInterruptsOn});
  const auto logged = log();
  run();
  EXPECT_EQ(frames.values(halt)[0], 1u);
  EXPECT_EQ(frames.bytes(logged), (Bytes{0x41}));
}

TEST_F(InterruptOps, HaltWithInterruptsOffEndsByNmiAlone) {
  std::uint32_t halt = 0;
  program.block(OpCode::kOnCpu, {1}, [&] {
    program.op(OpCode::kStore, {kArenaAddress, 1}, {.width = 4});
    halt = program.op(OpCode::kHalt);
  });
  // An NMI that came before the HLT would be in vain: it must be given time to get there.
  program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 1, 5000 * kMillisecond}, {.width = 4});
  program.op(OpCode::kSettle, {100 * kMillisecond});
  program.op(OpCode::kSendIcr, {0x4041, 1});
  const auto sleeping = program.op(OpCode::kJoin, {1, 5 * kMillisecond});
  program.op(OpCode::kSendIcr, {kNmi, 1});
  const auto awake = program.op(OpCode::kJoin, {1, 5000 * kMillisecond});
  program.op(OpCode::kAwaitInterrupts, {0x41, 1, 1, 5000 * kMillisecond});
  const auto logged = log(1);
  run(2);
  EXPECT_EQ(frames.values(sleeping)[0], 0u);
  EXPECT_EQ(frames.values(awake)[0], 1u);
  EXPECT_EQ(frames.of(halt).header.cpu, 1u);
  EXPECT_EQ(frames.bytes(logged), (Bytes{2, 0x41}))
      << "the held interrupt is taken when idle again";
}

TEST_F(InterruptOps, AwaitInterruptsSeesThoseOfAnotherCpu) {
  const auto missed = program.op(OpCode::kAwaitInterrupts, {0x41, 1, 1, kMillisecond});
  program.op(OpCode::kSendIcr, {0x4041, 1});
  const auto seen = program.op(OpCode::kAwaitInterrupts, {0x41, 1, 1, 1000 * kMillisecond});
  run(2);
  EXPECT_EQ(frames.values(missed)[0], 0u);
  EXPECT_EQ(frames.values(seen)[0], 1u);
  EXPECT_EQ(frames.values(seen)[2], 1u);
}

TEST_F(InterruptOps, LogHoldsTheFirst256) {
  program.block(OpCode::kRepeat, {260}, [&] {
    send(0x61);
    program.op(OpCode::kRdtsc, {}, {.flags = kInterruptsOn});
  });
  const auto logged = log();
  const auto counts = program.op(OpCode::kCounts, {0x61});
  run();
  EXPECT_EQ(frames.bytes(logged), Bytes(256, 0x61));
  EXPECT_EQ(frames.values(counts)[0], 260u);
}

TEST_F(InterruptOps, AnAgentThatFaultsSaysSo) {
  program.op(OpCode::kMap, {kWindowAddress, kArenaAddress, kMapPresent | kMapWritable});
  program.op(OpCode::kHandler, {0x41, kWindowAddress},
             {.variant = static_cast<unsigned>(EoiMode::kPv)});
  program.op(OpCode::kMap, {kWindowAddress, 0, 0});
  send(0x41);
  const auto wait = settle();
  const QemuRun run = run_in_qemu(program.encode());
  EXPECT_EQ(run.status, exit_status(Doorbell::kPanic));
  ASSERT_EQ(run.frames.last().kind(), FrameKind::kPanic);
  EXPECT_EQ(run.frames.last().header.op, wait);
  const ExecutedPayload state = run.frames.last().executed();
  EXPECT_EQ(state.vector, 14u);
  EXPECT_EQ(state.cr2, kWindowAddress);
  EXPECT_NE(state.after.rip, 0u);
}

}  // namespace
}  // namespace hypervet::tests
