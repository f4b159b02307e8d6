// SPDX-License-Identifier: Apache-2.0
// A program for the real agent that drives the entropy device by hand over a split ring, with its
// interrupt, and what it must have observed; for each engine that has the reference devices.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "guest-payloads/protocol/virtio.h"
#include "tests/backends/sim/programs.h"

namespace hypervet::devices::test {

class EntropyProgram {
 public:
  explicit EntropyProgram(protocol::VirtioTransport transport) {
    using enum protocol::VirtioRegister;
    using protocol::OpCode;
    const bool pci = transport == protocol::VirtioTransport::kPci;
    found_ = add(OpCode::kVirtioFind, {4, static_cast<std::uint64_t>(transport)});
    for (const std::uint64_t status : {0, 1, 3}) write(kStatus, 0, status);
    write(kDriverFeatures, 0, std::uint64_t{1} << 32);
    write(kStatus, 0, 11);
    write(kQueueSize, 0, 8);
    write(kQueueDesc, 0, kArea);
    write(kQueueDriver, 0, kArea + 0x1000);
    write(kQueueDevice, 0, kArea + 0x2000);
    add(OpCode::kVirtioInterrupts,
        {static_cast<std::uint64_t>(pci ? protocol::VirtioInterrupts::kMsix
                                        : protocol::VirtioInterrupts::kLine),
         1});
    if (pci) write(kQueueVector, 0, 1);
    write(kQueueEnable, 0, 1);
    write(kStatus, 0, 15);
    store(kArea, 8, kBuffer);
    store(kArea + 8, 8, std::uint64_t{2} << 32 | kSize);  // flags: the device writes
    store(kArea + 0x1000, 8, 1 << 16);                    // one available, head 0
    add(OpCode::kVirtioNotify, {0, 0}, pci ? 2 : 4);
    interrupt_ = add(OpCode::kAwaitInterrupts, {protocol::kVirtioQueueVector, 1, 0, 1'000'000'000});
    status_ = add(OpCode::kVirtioRead, {static_cast<std::uint64_t>(kStatus), 0});
    used_ = add(OpCode::kRead, {kArea + 0x2000, 16});
    drawn_ = add(OpCode::kRead, {kBuffer, kSize});
  }

  std::vector<std::byte> build() const { return program_.build(); }

  void expect_done(const backends::Outcome& outcome) const {
    ASSERT_EQ(outcome.stop, backends::Stop::kFinished) << outcome.detail;
    const auto frames = sim::test::parse_frames(outcome.observations);
    const auto answer = [&](std::uint32_t op) {
      const auto frame = sim::test::answer_of(frames, op);
      EXPECT_TRUE(frame) << "op " << op;
      return frame ? *frame : sim::test::Frame{};
    };
    EXPECT_EQ(answer(found_).as<std::uint64_t>(), 1u);
    EXPECT_EQ(answer(interrupt_).as<std::uint64_t>(), 1u) << "no interrupt";
    EXPECT_EQ(answer(status_).as<std::uint64_t>(), 15u);
    const auto used = answer(used_).values();
    ASSERT_EQ(used.size(), 2u);
    EXPECT_EQ(used[0], std::uint64_t{1} << 16);  // flags 0, idx 1, id 0
    EXPECT_EQ(used[1] & 0xffff'ffff, kSize);
    auto bytes = answer(drawn_).payload;
    std::ranges::sort(bytes);
    bytes.erase(std::unique(bytes.begin(), bytes.end()), bytes.end());
    EXPECT_GT(bytes.size(), 20u) << "these are no random bytes";
  }

 private:
  static constexpr std::uint64_t kArea = protocol::kArenaAddress;
  static constexpr std::uint64_t kBuffer = protocol::kArenaAddress + 0x4000;
  static constexpr std::uint32_t kSize = 64;

  std::uint32_t add(protocol::OpCode code, std::initializer_list<std::uint64_t> operands,
                    std::uint8_t width = 0) {
    program_.op(code, operands, width);
    return count_++;
  }
  void write(protocol::VirtioRegister reg, std::uint64_t index, std::uint64_t value) {
    add(protocol::OpCode::kVirtioWrite, {static_cast<std::uint64_t>(reg), index, value});
  }
  void store(std::uint64_t address, std::uint8_t width, std::uint64_t value) {
    add(protocol::OpCode::kStore, {address, value}, width);
  }

  sim::test::ProgramBuilder program_;
  std::uint32_t count_ = 0;
  std::uint32_t found_ = 0, interrupt_ = 0, status_ = 0, used_ = 0, drawn_ = 0;
};

inline backends::Configuration machine_with(std::string device,
                                            protocol::VirtioTransport transport) {
  backends::Configuration configuration;
  configuration.settings = {
      {"device", std::move(device)},
      {"transport", transport == protocol::VirtioTransport::kPci ? "pci" : "mmio"}};
  return configuration;
}

}  // namespace hypervet::devices::test
