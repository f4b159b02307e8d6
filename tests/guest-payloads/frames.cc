// SPDX-License-Identifier: Apache-2.0
#include "tests/guest-payloads/frames.h"

#include <gtest/gtest.h>

#include <cstring>

#include "guest-payloads/protocol/program.h"

namespace hypervet::tests {

namespace {

template <typename Payload>
Payload as(const Frame& frame, protocol::FrameKind kind, protocol::FrameKind or_kind) {
  Payload payload{};
  EXPECT_TRUE(frame.kind() == kind || frame.kind() == or_kind)
      << "frame of kind " << static_cast<int>(frame.kind()) << " where " << static_cast<int>(kind)
      << " is expected, op " << frame.header.op;
  if (frame.payload.size() < sizeof payload) {
    ADD_FAILURE() << "payload of " << frame.payload.size() << " bytes";
    return payload;
  }
  std::memcpy(&payload, frame.payload.data(), sizeof payload);
  return payload;
}

}  // namespace

protocol::ExecutedPayload Frame::executed() const {
  return as<protocol::ExecutedPayload>(*this, protocol::FrameKind::kExecuted,
                                       protocol::FrameKind::kPanic);
}

protocol::HelloPayload Frame::hello() const {
  return as<protocol::HelloPayload>(*this, protocol::FrameKind::kHello,
                                    protocol::FrameKind::kHello);
}

protocol::RefusedPayload Frame::refused() const {
  return as<protocol::RefusedPayload>(*this, protocol::FrameKind::kRefused,
                                      protocol::FrameKind::kRefused);
}

std::vector<std::uint64_t> Frame::values() const {
  EXPECT_TRUE(kind() == protocol::FrameKind::kValues || kind() == protocol::FrameKind::kFinished ||
              kind() == protocol::FrameKind::kHostCall)
      << static_cast<int>(kind()) << " at op " << header.op;
  std::vector<std::uint64_t> values(header.length / 8);
  if (!values.empty()) std::memcpy(values.data(), payload.data(), values.size() * 8);
  // At least this many, so that a test which indexes reports its own expectation, not a crash.
  if (values.size() < protocol::kMaxCpus) values.resize(protocol::kMaxCpus, 0xdead'dead'dead'dead);
  return values;
}

std::vector<std::uint8_t> Frame::bytes() const {
  EXPECT_EQ(kind(), protocol::FrameKind::kBytes) << "op " << header.op;
  std::vector<std::uint8_t> bytes(header.length);
  if (!bytes.empty()) std::memcpy(bytes.data(), payload.data(), bytes.size());
  return bytes;
}

std::optional<Frame> FrameReader::next() {
  Frame frame;
  if (!error.empty() || data.size() < sizeof frame.header) return std::nullopt;
  std::memcpy(&frame.header, data.data(), sizeof frame.header);
  if (frame.header.magic != protocol::kFrameMagic) error = "no frame magic";
  if (frame.header.length > protocol::kMaxFramePayload) error = "frame too long";
  if (!error.empty()) return std::nullopt;
  const std::size_t padded = (frame.header.length + 7u) & ~7u;
  const std::size_t whole = sizeof frame.header + padded;
  if (data.size() < whole) return std::nullopt;
  protocol::FrameHeader zeroed = frame.header;
  zeroed.checksum = 0;
  std::uint64_t sum = protocol::checksum(&zeroed, sizeof zeroed);
  sum = protocol::checksum(data.data() + sizeof zeroed, padded, sum);
  if (sum != frame.header.checksum) {
    error = "wrong checksum in frame " + std::to_string(frame.header.sequence);
    return std::nullopt;
  }
  const auto begin = data.begin() + sizeof zeroed;
  frame.payload.assign(begin, begin + frame.header.length);
  data.erase(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(whole));
  return frame;
}

const Frame& Frames::of(std::uint32_t op, std::size_t nth) const {
  for (const Frame& frame : all) {
    if (frame.header.op == op && nth-- == 0) return frame;
  }
  ADD_FAILURE() << "no such answer from op " << op;
  static const Frame none;
  return none;
}

std::size_t Frames::count(std::uint32_t op) const {
  std::size_t n = 0;
  for (const Frame& frame : all) n += frame.header.op == op;
  return n;
}

const Frame& Frames::last() const {
  static const Frame none;
  return all.empty() ? none : all.back();
}

}  // namespace hypervet::tests
