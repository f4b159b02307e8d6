// SPDX-License-Identifier: Apache-2.0
// Every reason to refuse a program, as the host sees it. check_test.cc tries the many ways to each
// reason.
#include <gtest/gtest.h>

#include <cstring>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/mailbox.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

class Refusals : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  static void expect(std::span<const std::byte> bytes, Refusal reason, std::uint32_t op = kNoOp,
                     const QemuOptions& options = {}) {
    const QemuRun run = run_in_qemu(bytes, options);
    EXPECT_EQ(run.error, "");
    EXPECT_EQ(run.status, exit_status(Doorbell::kRefused));
    ASSERT_EQ(run.frames.all.size(), 2u) << "Hello and Refused, nothing executed";
    const RefusedPayload refused = run.frames.last().refused();
    EXPECT_EQ(refused.reason, reason);
    EXPECT_EQ(refused.op, op);
  }
  // A program whose second op is made wrong by `spoil`.
  static void expect_spoilt(Refusal reason, const std::function<void(Op&)>& spoil) {
    ProgramBuilder program;
    program.op(OpCode::kRdtsc);
    const auto index = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 4});
    spoil(program.at(index));
    expect(program.encode(), reason, index);
  }
};

TEST_F(Refusals, OfTheHeader) {
  ProgramBuilder good;
  good.op(OpCode::kRdtsc);
  ProgramBuilder magic = good, version = good, cpus = good;
  magic.header().magic = 1;
  expect(magic.encode(), Refusal::kMagic);
  version.header().version = 1;
  expect(version.encode(), Refusal::kVersion);
  cpus.header().cpus = 2;
  expect(cpus.encode(), Refusal::kCpus);
  auto bytes = good.encode();
  bytes.back() ^= std::byte{1};
  expect(bytes, Refusal::kChecksum);
  bytes = good.encode();
  bytes.resize(bytes.size() - 1);
  expect(bytes, Refusal::kSize);
}

TEST_F(Refusals, OfThePlace) { expect({}, Refusal::kPlace, kNoOp, {.with_program = false}); }

TEST_F(Refusals, OfAnOp) {
  expect_spoilt(Refusal::kOpCode, [](Op& op) { op.code = static_cast<OpCode>(10); });
  expect_spoilt(Refusal::kWidth, [](Op& op) { op.width = 3; });
  expect_spoilt(Refusal::kSlot, [](Op& op) { op.result_slot = kMaxSlots; });
  expect_spoilt(Refusal::kBlock, [](Op& op) { op.block = 1; });
  expect_spoilt(Refusal::kVariant, [](Op& op) { op.variant = 1; });
  expect_spoilt(Refusal::kFlags, [](Op& op) { op.flags = 8; });
  expect_spoilt(Refusal::kOperand, [](Op& op) {
    op.code = OpCode::kApicMode;
    op.width = 0;
    op.operands[0].value = 2;
  });
}

TEST_F(Refusals, OfNestingAndContext) {
  ProgramBuilder deep;
  std::uint32_t innermost = 0;
  deep.block(OpCode::kRepeat, {1}, [&] {
    deep.block(OpCode::kRepeat, {1}, [&] {
      deep.block(OpCode::kRepeat, {1}, [&] {
        innermost = deep.block(OpCode::kRepeat, {1}, [&] { deep.op(OpCode::kRdtsc); });
      });
    });
  });
  expect(deep.encode(), Refusal::kNesting, innermost);
  ProgramBuilder waiting;
  std::uint32_t halt = 0;
  waiting.block(OpCode::kHandler, {0x41}, [&] { halt = waiting.op(OpCode::kHalt); });
  expect(waiting.encode(), Refusal::kContext, halt);
}

}  // namespace
}  // namespace hypervet::tests
