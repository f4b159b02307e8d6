// SPDX-License-Identifier: Apache-2.0
// kRead, kFill, kMap and the waits on memory, on real QEMU.
#include <gtest/gtest.h>

#include <algorithm>

#include "guest-payloads/protocol/layout.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

class MemoryOps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  void run() {
    const QemuRun run = run_in_qemu(program.encode());
    EXPECT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(Doorbell::kFinished));
    frames = run.frames;
  }
  ProgramBuilder program;
  Frames frames;
};

TEST_F(MemoryOps, FillAndReadOfOddSizes) {
  const auto empty = program.op(OpCode::kRead, {kArenaAddress, 33});
  const auto fill = program.op(OpCode::kFill, {kArenaAddress + 3, 21, 0xab});
  const auto read = program.op(OpCode::kRead, {kArenaAddress, 33});
  const auto page = program.op(OpCode::kRead, {kHighAlias + kArenaAddress, 4096});
  run();
  EXPECT_EQ(frames.bytes(empty), std::vector<std::uint8_t>(33, 0)) << "the arena starts as zeros";
  EXPECT_TRUE(frames.done(fill));
  std::vector<std::uint8_t> expected(4096, 0);
  std::fill_n(expected.begin() + 3, 21, 0xab);
  EXPECT_EQ(frames.bytes(page), expected);
  expected.resize(33);
  EXPECT_EQ(frames.bytes(read), expected);
}

TEST_F(MemoryOps, FaultsAnswerWithTheRegistersOfTheFault) {
  program.op(OpCode::kMap, {kWindowAddress, kArenaAddress, kMapPresent | kMapWritable});
  const auto read = program.op(OpCode::kRead, {kWindowAddress + 4096 - 16, 32});
  const auto fill = program.op(OpCode::kFill, {kWindowAddress + 4096 - 8, 32, 1});
  const auto before = program.op(OpCode::kRead, {kArenaAddress + 4096 - 8, 16});
  const auto wait =
      program.op(OpCode::kAwaitMemory, {kWindowAddress + 4096, 1, 1, 1'000'000}, {.width = 4});
  run();
  EXPECT_EQ(frames.executed(read).vector, 14u);
  EXPECT_EQ(frames.executed(read).cr2, kWindowAddress + 4096);
  EXPECT_EQ(frames.executed(read).after.rcx, 16u) << "bytes that were left";
  EXPECT_EQ(frames.executed(fill).error_code, 2u);
  const auto bytes = frames.bytes(before);
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 1), 8) << "filled up to the fault";
  EXPECT_EQ(frames.executed(wait).vector, 14u);
  EXPECT_EQ(frames.executed(wait).cr2, kWindowAddress + 4096);
}

TEST_F(MemoryOps, PutCopiesTheProgramsData) {
  std::vector<std::uint8_t> data(300);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 7 + 1);
  program.data("ab", 2);
  const auto offset = program.data(data.data(), data.size());
  program.op(OpCode::kLoad, {kArenaAddress}, {.width = 8, .slot = 0});  // 0
  const auto put = program.op(OpCode::kPut, {In::slot(0, kArenaAddress + 5), offset + 1, 290});
  const auto none = program.op(OpCode::kPut, {kWindowAddress, offset, 0});
  const auto read = program.op(OpCode::kRead, {kArenaAddress, 296});
  program.op(OpCode::kMap, {kWindowAddress, kArenaAddress, kMapPresent | kMapWritable});
  const auto fault = program.op(OpCode::kPut, {kWindowAddress + 4096 - 100, offset, 128});
  run();
  EXPECT_EQ(offset, 8u);
  EXPECT_TRUE(frames.done(put));
  EXPECT_TRUE(frames.done(none));
  std::vector<std::uint8_t> expected(296, 0);
  std::copy_n(data.begin() + 1, 290, expected.begin() + 5);
  EXPECT_EQ(frames.bytes(read), expected);
  EXPECT_EQ(frames.executed(fault).vector, 14u);
  EXPECT_EQ(frames.executed(fault).cr2, kWindowAddress + 4096);
  EXPECT_EQ(frames.executed(fault).after.rcx, 28u) << "bytes that were left";
}

TEST_F(MemoryOps, WindowPagesAreIndependent) {
  program.op(OpCode::kStore, {kArenaAddress, 0x11}, {.width = 1});
  program.op(OpCode::kStore, {kArenaAddress + 4096, 0x22}, {.width = 1, .slot = kNoSlot});
  const std::uint64_t last = kWindowAddress + (kWindowPages - 1) * 4096ull;
  program.op(OpCode::kMap, {kWindowAddress, kArenaAddress + 4096, kMapPresent});
  program.op(OpCode::kMap, {last, kArenaAddress, kMapPresent});
  const auto a = program.op(OpCode::kLoad, {kWindowAddress}, {.width = 1});
  const auto b = program.op(OpCode::kLoad, {last}, {.width = 1});
  program.op(OpCode::kMap, {kWindowAddress, kArenaAddress, kMapPresent});
  const auto c = program.op(OpCode::kLoad, {kWindowAddress}, {.width = 1});
  run();
  EXPECT_EQ(frames.executed(a).after.rax & 0xff, 0x22u);
  EXPECT_EQ(frames.executed(b).after.rax & 0xff, 0x11u);
  EXPECT_EQ(frames.executed(c).after.rax & 0xff, 0x11u) << "the old translation is flushed";
}

TEST_F(MemoryOps, AwaitMemoryInAllRelations) {
  program.op(OpCode::kStore, {kArenaAddress, 0x1234'5678'9abc'def0}, {.width = 8});
  const auto equal =
      program.op(OpCode::kAwaitMemory, {kArenaAddress, 0xff00, 0xde00, 1000}, {.width = 2});
  const auto differs =
      program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 1, 1000}, {.width = 8, .variant = 1});
  const auto at_least = program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 0xf0, 1000},
                                   {.width = 1, .variant = 2});
  const auto missed = program.op(OpCode::kAwaitMemory, {kArenaAddress, ~0ull, 0xf1, 3'000'000},
                                 {.width = 1, .variant = 2});
  run();
  EXPECT_EQ(frames.values(equal)[0], 1u);
  EXPECT_EQ(frames.values(equal)[2], 0xdef0u);
  EXPECT_EQ(frames.values(differs)[0], 1u);
  EXPECT_EQ(frames.values(differs)[2], 0x1234'5678'9abc'def0u);
  EXPECT_EQ(frames.values(at_least)[0], 1u);
  EXPECT_EQ(frames.values(missed)[0], 0u);
  EXPECT_GE(frames.values(missed)[1], 3'000'000u);
  EXPECT_EQ(frames.values(missed)[2], 0xf0u);
}

}  // namespace
}  // namespace hypervet::tests
