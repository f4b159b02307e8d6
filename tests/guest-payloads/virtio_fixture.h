// SPDX-License-Identifier: Apache-2.0
// What tests of the virtio ops share, over both transports and both layouts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/guest-payloads/virtio_machine.h"

namespace hypervet::tests {

inline constexpr std::uint32_t kEntropy = 4, kBlock = 2;  // device IDs

inline constexpr VirtioSetup kVirtioSetups[] = {
    {protocol::VirtioTransport::kMmio, false},
    {protocol::VirtioTransport::kMmio, true},
    {protocol::VirtioTransport::kPci, false},
    {protocol::VirtioTransport::kPci, true},
};

// A program for one QEMU with one device, and what came back.
class VirtioOps : public ::testing::TestWithParam<VirtioSetup> {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  void run(const QemuOptions& options) {
    const QemuRun run = run_in_qemu(program.encode(), options);
    EXPECT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(protocol::Doorbell::kFinished));
    frames = run.frames;
  }
  static std::uint32_t number(const std::vector<std::uint8_t>& bytes) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
    return value;
  }
  void expect_value(std::uint32_t op, std::uint64_t value) {
    EXPECT_EQ(frames.values(op)[0], value) << "op " << op;
    EXPECT_EQ(frames.values(op)[1], 1u) << "op " << op << ": not there";
  }
  void expect_not_there(std::uint32_t op) {
    EXPECT_EQ(frames.values(op)[0], 0u) << "op " << op;
    EXPECT_EQ(frames.values(op)[1], 0u) << "op " << op;
  }
  std::uint32_t region(protocol::VirtioRegion which, std::uint64_t offset, unsigned width) {
    return program.op(protocol::OpCode::kRegionRead, {static_cast<std::uint64_t>(which), offset},
                      {.width = width});
  }
  std::uint32_t await_interrupts(std::uint32_t vector) {
    return program.op(protocol::OpCode::kAwaitInterrupts, {vector, 1, 0, 10 * kSecond});
  }
  std::uint32_t counts(std::uint32_t vector) {
    return program.op(protocol::OpCode::kCounts, {vector});
  }
  std::uint32_t interrupts(protocol::VirtioInterrupts mode, std::uint32_t queues = 1) {
    return program.op(protocol::OpCode::kVirtioInterrupts,
                      {static_cast<std::uint64_t>(mode), queues});
  }

  ProgramBuilder program;
  VirtioDriver driver{program, GetParam()};
  Frames frames;
};

}  // namespace hypervet::tests
