// SPDX-License-Identifier: Apache-2.0
// How runs end that do not end well: deadlocks, loops, crashes, hostile guests, committed
// violations.
#include <gmock/gmock.h>

#include <chrono>

#include "guest-payloads/protocol/mailbox.h"
#include "tests/backends/sim/sim_fixture.h"

namespace hypervet::sim::test {
namespace {

using protocol::Mailbox;
using testing::HasSubstr;
using violations::Rule;
using violations::Seam;

constexpr std::uint64_t mailbox(std::size_t offset) { return protocol::kMailboxAddress + offset; }

// After anything whatever the next run on the same machine is as good as the first.
void expect_a_clean_run_after() {
  ProgramBuilder program;
  program.op(OpCode::kHypercall, {13});
  static const Outcome first = run(program);
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(outcome.observations, first.observations);
  EXPECT_EQ(outcome.committed, 0u);
}

TEST(SimStop, HltWithInterruptsOffIsADeadlock) {
  ProgramBuilder program;
  program.op(OpCode::kCpuid, {0, 0});
  program.op(OpCode::kHalt);
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_TRUE(outcome.cpus[0].halted);
  EXPECT_EQ(outcome.cpus[0].op, 1u);
  EXPECT_FALSE(outcome.cpus[0].code.empty());
  EXPECT_EQ(executed(outcome, 0).vector, protocol::kNoFault) << "what was observed before is kept";
  expect_a_clean_run_after();
}

TEST(SimStop, ATimerThatCannotWakeIsADeadlockToo) {
  ProgramBuilder program;
  program.op(OpCode::kApicWrite, {0x320, 1 << 17 | 0x60});
  program.op(OpCode::kApicWrite, {0x380, 1000});
  program.op(OpCode::kHalt);
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
}

TEST(SimStop, AnEndlessWaitEndsAtTheDeadline) {
  ProgramBuilder program;
  program.op(OpCode::kAwaitMemory, {protocol::kArenaAddress, ~0ull, 1, 1ull << 62}, 8);
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
  EXPECT_EQ(outcome.cpus[0].op, 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(8));
  expect_a_clean_run_after();
}

// The program overwrites the agent's own code with `jmp .`.
TEST(SimStop, ALoopWithoutProgressIsStuck) {
  ProgramBuilder probe;
  probe.op(OpCode::kCpuid, {0, 0});
  const std::uint64_t stub = executed(run(probe), 0).before.rip;
  ProgramBuilder program;
  program.op(OpCode::kStore, {stub, 0xfeeb}, 2);
  program.op(OpCode::kCpuid, {0, 0});
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  EXPECT_EQ(outcome.cpus[0].registers.rip, stub);
  ASSERT_GE(outcome.cpus[0].code.size(), 2u);
  EXPECT_EQ(outcome.cpus[0].code[0], 0xeb);
  EXPECT_EQ(outcome.cpus[0].op, 1u);
  expect_a_clean_run_after();
}

TEST(SimStop, AnInstructionThatIsMissingIsNamed) {
  ProgramBuilder probe;
  probe.op(OpCode::kCpuid, {0, 0});
  const std::uint64_t stub = executed(run(probe), 0).before.rip;
  ProgramBuilder program;
  program.op(OpCode::kStore, {stub, 0xe8d9}, 2);  // FLD1
  program.op(OpCode::kCpuid, {0, 0});
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kUnimplemented) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("d9 e8"));
  expect_a_clean_run_after();
}

TEST(SimStop, ATripleFaultIsAShutdown) {
  ProgramBuilder probe;
  const std::uint64_t cr3 = run(probe).cpus.at(0).cr3;
  ASSERT_NE(cr3, 0u);
  ProgramBuilder program;
  program.op(OpCode::kFill, {cr3, 4096, 0});
  // Loads from pages that no TLB holds yet, until the fault handler's own are gone too.
  program.open(OpCode::kRepeat, {1000});
  program.op(OpCode::kMap, {protocol::kWindowAddress, protocol::kArenaAddress, 3});
  program.op(OpCode::kLoad, {protocol::kWindowAddress}, 8);
  program.close();
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kShutdown) << outcome.detail;
  expect_a_clean_run_after();
}

// --- Hostile guests
// -------------------------------------------------------------------------------

// An "agent" that rings kReady, claims that so much is committed, and rings kFinished: the real one
// corrects the counter with each frame.
std::vector<std::uint8_t> claiming_agent(std::uint64_t committed) {
  std::vector<std::uint8_t> code;
  const auto emit = [&](std::initializer_list<std::uint8_t> bytes) {
    code.insert(code.end(), bytes);
  };
  const auto emit32 = [&](std::uint64_t value) {
    for (unsigned i = 0; i < 4; ++i) code.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  const auto store = [&](std::uint64_t address, std::uint64_t value) {
    for (unsigned half = 0; half < 2; ++half) {  // mov dword [address], value
      emit({0xc7, 0x05});
      emit32(address + 4 * half);
      emit32(value >> (32 * half));
    }
  };
  const auto ring = [&](std::uint8_t value) {  // mov dx, 0x5f0; mov eax, value; out dx, eax
    emit({0x66, 0xba, 0xf0, 0x05, 0xb8, value, 0, 0, 0, 0xef});
  };
  store(mailbox(offsetof(Mailbox, magic)), protocol::kMailboxMagic);
  ring(1);
  store(mailbox(offsetof(Mailbox, committed)), committed);
  ring(2);
  emit({0xf4});
  return code;
}

TEST(HostileGuest, SaysTooMuchIsCommitted) {
  for (const std::uint64_t claim :
       {protocol::kObservationsSize + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    const RawPayload payload(claiming_agent(claim));
    const SimBackend sim({.agent = payload.path()});
    const Outcome outcome = run_on(sim, ProgramBuilder().build());
    EXPECT_EQ(outcome.stop, Stop::kPanic);
    EXPECT_THAT(outcome.detail, HasSubstr("the guest's mailbox is corrupt"));
    EXPECT_TRUE(outcome.observations.empty());
  }
  const RawPayload payload(claiming_agent(protocol::kObservationsSize));
  const SimBackend sim({.agent = payload.path()});
  const Outcome outcome = run_on(sim, ProgramBuilder().build());
  EXPECT_EQ(outcome.stop, Stop::kFinished) << "the most that there can be";
  EXPECT_EQ(outcome.observations.size(), protocol::kObservationsSize);
}

TEST(HostileGuest, AnAgentThatDoesNotBootIsABackendError) {
  const RawPayload payload({0xf4});
  const SimBackend sim({.agent = payload.path()});
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = run_on(sim, ProgramBuilder().build());
    EXPECT_EQ(outcome.stop, Stop::kBackendError);
    EXPECT_THAT(outcome.detail, HasSubstr("the agent did not boot: every CPU is halted"));
  }
}

TEST(HostileGuest, TakesTheMailboxAway) {
  ProgramBuilder program;
  program.op(OpCode::kFill, {protocol::kMailboxAddress, 4096, 0xff});
  program.op(OpCode::kOut, {protocol::kDoorbellPort, 2}, 4);
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kPanic);
  EXPECT_THAT(outcome.detail, HasSubstr("magic number is gone"));
  EXPECT_FALSE(outcome.cpus[0].op.has_value());
  expect_a_clean_run_after();
}

TEST(HostileGuest, RingsTheDoorbellAsItLikes) {
  const auto rung = [](std::uint64_t value) {
    ProgramBuilder program;
    program.op(OpCode::kOut, {protocol::kDoorbellPort, value}, 4);
    return run(program);
  };
  EXPECT_EQ(rung(77).stop, Stop::kPanic);
  EXPECT_THAT(rung(77).detail, HasSubstr("rang the doorbell with 0x4d"));
  EXPECT_EQ(rung(1).stop, Stop::kPanic) << "ready again";
  EXPECT_EQ(rung(5).stop, Stop::kPanic);
  ProgramBuilder leaves;
  leaves.op(OpCode::kOut, {protocol::kDebugExitPort, 3}, 1);
  EXPECT_EQ(run(leaves).stop, Stop::kPanic);
  expect_a_clean_run_after();
}

TEST(HostileGuest, AsksTheHostForNonsense) {
  for (const std::uint64_t verb :
       {0ull, 2ull, 3ull, 5ull, 6ull, 7ull, 8ull, 9ull, 0xffff'ffffull}) {
    for (const std::uint64_t argument : {0ull, ~0ull, 0x0fff'ffff'ffff'f000ull}) {
      ProgramBuilder program;
      program.op(OpCode::kStore, {mailbox(offsetof(Mailbox, host_verb)), verb}, 4);
      program.op(OpCode::kStore, {mailbox(offsetof(Mailbox, host_cpu)), 0xffff'ffff}, 4);
      for (std::uint64_t i = 0; i < 4; ++i) {
        program.op(OpCode::kStore, {mailbox(offsetof(Mailbox, host_arguments)) + 8 * i, argument},
                   8);
      }
      program.op(OpCode::kOut, {protocol::kDoorbellPort, 3}, 4);
      program.op(OpCode::kCpuid, {0, 0});
      const Outcome outcome = run(program);
      EXPECT_EQ(outcome.stop, Stop::kFinished) << verb << ' ' << argument << ' ' << outcome.detail;
    }
  }
  expect_a_clean_run_after();
}

TEST(HostileGuest, PagesItsOwnAgentOut) {
  ProgramBuilder probe;
  probe.op(OpCode::kCpuid, {0, 0});
  const std::uint64_t stub = executed(run(probe), 0).before.rip;
  ProgramBuilder program;
  program.op(OpCode::kHost,
             {static_cast<std::uint64_t>(protocol::HostVerb::kPageOut), stub & ~0xfffull});
  program.op(OpCode::kCpuid, {0, 0});
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
  expect_a_clean_run_after();
}

// --- Violations
// -----------------------------------------------------------------------------------

TEST(SimViolations, AreCommittedAndCounted) {
  ProgramBuilder program;
  program.op(OpCode::kHypercall, {13});
  program.op(OpCode::kCpuid, {0x4000'0001, 0});
  const Outcome clean = run(program);
  EXPECT_EQ(clean.committed, 0u);
  const Outcome outcome = run(
      program,
      {.rules = {Rule{.at = Seam::kHypercall,
                      .conditions = {{"nr", std::uint64_t{13}}},
                      .effects = {{"rax", std::uint64_t{7}}, {"rflags-set", std::uint64_t{0x401}}}},
                 Rule{.at = Seam::kCpuid,
                      .conditions = {{"leaf", std::uint64_t{0x4000'0001}}},
                      .effects = {{"edx-set", std::uint64_t{0x100}}}}}});
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(executed(outcome, 0).after.rax, 7u);
  EXPECT_EQ(executed(outcome, 0).after.rflags & 0x401, 0x401u);
  EXPECT_EQ(executed(outcome, 1).after.rdx, 0x100u);
  EXPECT_EQ(outcome.committed, 2u);
  expect_a_clean_run_after();
}

TEST(SimViolations, AHypercallThatDoesNotMoveRipIsStuck) {
  ProgramBuilder program;
  program.op(OpCode::kHypercall, {13});
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = run(
      program,
      {.rules = {Rule{
           .at = Seam::kHypercall, .conditions = {}, .effects = {{"advance", std::uint64_t{0}}}}}});
  EXPECT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  EXPECT_EQ(outcome.cpus[0].op, 0u);
  EXPECT_GT(outcome.committed, 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
  expect_a_clean_run_after();
}

TEST(SimViolations, ADroppedInterruptNeverArrives) {
  ProgramBuilder program;
  program.op(OpCode::kSendIcr, {0x4'4050, 0});
  program.op(OpCode::kAwaitInterrupts, {0x50, 1, 0, 10'000'000});
  const RunOptions dropping{.rules = {Rule{.at = Seam::kInterrupt,
                                           .conditions = {{"from", std::string("icr")}},
                                           .effects = {{"drop", std::string("yes")}}}}};
  EXPECT_EQ(values(run(program), 1)[0], 1u);
  const Outcome outcome = run(program, dropping);
  EXPECT_EQ(values(outcome, 1)[0], 0u);
  EXPECT_EQ(outcome.committed, 1u);
}

TEST(SimViolations, AVectorCanBeKeptInService) {
  ProgramBuilder program;
  program.op(OpCode::kSendIcr, {0x4'4050, 0});
  program.op(OpCode::kAwaitInterrupts, {0x50, 1, 0, 10'000'000});
  program.op(OpCode::kApicRead, {0x120});
  const Outcome outcome =
      run(program, {.rules = {Rule{.at = Seam::kApic,
                                   .conditions = {{"event", std::string("apic-eoi")}},
                                   .effects = {{"in-service", std::string("keep")}}}}});
  EXPECT_EQ(values(run(program), 2)[0], 0u);
  EXPECT_EQ(values(outcome, 2)[0], 1u << 16);
}

TEST(SimViolations, AnUnknownRuleIsABackendError) {
  ProgramBuilder program;
  const Outcome outcome = run(
      program,
      {.rules = {Rule{
           .at = Seam::kHypercall, .conditions = {}, .effects = {{"colour", std::uint64_t{1}}}}}});
  EXPECT_EQ(outcome.stop, Stop::kBackendError);
  EXPECT_THAT(outcome.detail, HasSubstr("colour"));
  expect_a_clean_run_after();
}

// --- exec
// -----------------------------------------------------------------------------------------

ExecOutcome exec(const RawPayload& payload) {
  return simulator().exec({.payload = payload.path(),
                           .command_line = "hello there",
                           .module = {},
                           .configuration = {},
                           .limits = {.deadline = std::chrono::milliseconds(300)}});
}

TEST(SimExec, ReturnsSerialOutputAndExitValue) {
  // mov ebx's command line (start info + 24) to COM1 until NUL, then out 0xf4, 42.
  const RawPayload payload({0x8b, 0x73, 0x18,          // mov esi, [ebx+24]
                            0x66, 0xba, 0xf8, 0x03,    // mov dx, 0x3f8
                            0xac,                      // lodsb
                            0x84, 0xc0,                // test al, al
                            0x74, 0x03,                // je +3
                            0xee,                      // out dx, al
                            0xeb, 0xf8,                // jmp lodsb
                            0xb0, 0x2a, 0xe6, 0xf4});  // mov al, 42; out 0xf4, al
  const ExecOutcome result = exec(payload);
  EXPECT_EQ(result.outcome.stop, Stop::kFinished) << result.outcome.detail;
  EXPECT_EQ(result.outcome.log, "hello there");
  EXPECT_EQ(result.exit_value, 42u);
}

TEST(SimExec, NamesEveryEnd) {
  EXPECT_EQ(exec(RawPayload({0xf4})).outcome.stop, Stop::kDeadlock);        // hlt
  EXPECT_EQ(exec(RawPayload({0x0f, 0x0b})).outcome.stop, Stop::kShutdown);  // ud2, no IDT
  EXPECT_EQ(exec(RawPayload({0xd9, 0xe8})).outcome.stop, Stop::kUnimplemented);
  EXPECT_EQ(exec(RawPayload({0xeb, 0xfe})).outcome.stop, Stop::kDeadline);
  // The agent's ports mean nothing to others.
  EXPECT_EQ(exec(RawPayload({0x66, 0xba, 0xf0, 0x05, 0xb8, 2, 0, 0, 0, 0xef, 0xf4})).outcome.stop,
            Stop::kDeadlock);
}

TEST(SimExec, ABadPayloadIsOneLine) {
  const ExecOutcome missing = simulator().exec({.payload = "/nonexistent"});
  EXPECT_EQ(missing.outcome.stop, Stop::kBackendError);
  EXPECT_THAT(missing.outcome.detail, HasSubstr("/nonexistent: "));
  const ExecOutcome text = simulator().exec({.payload = "/proc/self/cmdline"});
  EXPECT_THAT(text.outcome.detail, HasSubstr("not an ELF file"));
}

TEST(SimExec, RunsTheAgentToo) {
  // Without a doorbell that counts, over the serial channel, with its program as module 0.
  ProgramBuilder program;
  program.op(OpCode::kHypercall, {13});
  const ExecOutcome result = simulator().exec({.payload = HYPERVET_AGENT,
                                               .command_line = "channel=serial exit=debug-exit",
                                               .module = program.build()});
  EXPECT_EQ(result.outcome.stop, Stop::kFinished) << result.outcome.detail;
  EXPECT_EQ(result.exit_value, static_cast<std::uint32_t>(protocol::Doorbell::kFinished));
  EXPECT_FALSE(result.outcome.log.empty());
}

}  // namespace
}  // namespace hypervet::sim::test
