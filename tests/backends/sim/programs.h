// SPDX-License-Identifier: Apache-2.0
// Builds programs and reads observations back, straight from the wire formats, for tests that run
// the real agent. One test, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::sim::test {

class ProgramBuilder {
 public:
  explicit ProgramBuilder(std::uint32_t cpus = 1) : cpus_(cpus) {}

  // Appends an op; the returned reference is valid until the next one. Operands are constants.
  protocol::Op& op(protocol::OpCode code, std::initializer_list<std::uint64_t> operands = {},
                   std::uint8_t width = 0) {
    protocol::Op op{};
    op.code = code;
    op.width = width;
    op.result_slot = protocol::kNoSlot;
    std::size_t i = 0;
    for (const std::uint64_t value : operands) op.operands[i++] = {.value = value};
    ops_.push_back(op);
    return ops_.back();
  }
  // Opens a block with this op; close() ends it.
  void open(protocol::OpCode code, std::initializer_list<std::uint64_t> operands,
            std::uint16_t variant = 0) {
    op(code, operands).variant = variant;
    blocks_.push_back(ops_.size() - 1);
  }
  void close() {
    const std::size_t first = blocks_.back();
    blocks_.pop_back();
    ops_[first].block = static_cast<std::uint16_t>(ops_.size() - 1 - first);
  }

  std::vector<std::byte> build() const {
    const std::size_t bytes = ops_.size() * sizeof(protocol::Op);
    protocol::ProgramHeader header{.magic = protocol::kProgramMagic,
                                   .version = protocol::kProgramVersion,
                                   .size = static_cast<std::uint32_t>(sizeof header + bytes),
                                   .checksum = protocol::checksum(ops_.data(), bytes),
                                   .op_count = static_cast<std::uint32_t>(ops_.size()),
                                   .cpus = cpus_,
                                   .seed = 1,
                                   .data_size = 0,
                                   .arena_size = protocol::kArenaSize};
    std::vector<std::byte> program(sizeof header + bytes);
    std::memcpy(program.data(), &header, sizeof header);
    if (bytes != 0) std::memcpy(program.data() + sizeof header, ops_.data(), bytes);
    return program;
  }

 private:
  std::uint32_t cpus_;
  std::vector<protocol::Op> ops_;
  std::vector<std::size_t> blocks_;
};

struct Frame {
  protocol::FrameHeader header{};
  std::vector<std::byte> payload;

  template <typename T>
  T as() const {
    T value{};
    std::memcpy(&value, payload.data(), std::min(sizeof value, payload.size()));
    return value;
  }
  std::vector<std::uint64_t> values() const {
    std::vector<std::uint64_t> result(payload.size() / 8);
    if (!result.empty()) std::memcpy(result.data(), payload.data(), result.size() * 8);
    return result;
  }
};

// Whole frames with right checksums; ends at the first that is not.
inline std::vector<Frame> parse_frames(std::span<const std::byte> bytes) {
  std::vector<Frame> frames;
  while (bytes.size() >= sizeof(protocol::FrameHeader)) {
    Frame frame;
    std::memcpy(&frame.header, bytes.data(), sizeof frame.header);
    const std::size_t padded = (std::size_t{frame.header.length} + 7) & ~std::size_t{7};
    if (frame.header.magic != protocol::kFrameMagic ||
        bytes.size() - sizeof frame.header < padded) {
      break;
    }
    protocol::FrameHeader unsummed = frame.header;
    unsummed.checksum = 0;
    const auto* payload = bytes.data() + sizeof frame.header;
    const std::uint64_t sum =
        protocol::checksum(payload, padded, protocol::checksum(&unsummed, sizeof unsummed));
    if (sum != frame.header.checksum) break;
    frame.payload.assign(payload, payload + frame.header.length);
    frames.push_back(std::move(frame));
    bytes = bytes.subspan(sizeof frame.header + padded);
  }
  return frames;
}

// The frame with which an op answered (the first, where it answered often).
inline std::optional<Frame> answer_of(const std::vector<Frame>& frames, std::uint32_t op) {
  for (const Frame& frame : frames) {
    const bool announces = frame.header.kind == protocol::FrameKind::kBegin ||
                           frame.header.kind == protocol::FrameKind::kHostCall;
    if (frame.header.op == op && !announces) return frame;
  }
  return std::nullopt;
}

}  // namespace hypervet::sim::test
