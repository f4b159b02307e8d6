// SPDX-License-Identifier: Apache-2.0
// Observations as the tests look at them: frames taken off a channel, each with its magic, length
// and checksum proved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest-payloads/protocol/observation.h"

namespace hypervet::tests {

struct Frame {
  protocol::FrameHeader header{};
  std::vector<std::byte> payload;

  protocol::FrameKind kind() const { return header.kind; }
  protocol::ExecutedPayload executed() const;
  protocol::HelloPayload hello() const;
  protocol::RefusedPayload refused() const;
  std::vector<std::uint64_t> values() const;
  std::vector<std::uint8_t> bytes() const;
};

// Takes whole frames off the front of `data`, which shrinks. Empty error: all that came was well
// formed.
struct FrameReader {
  std::vector<std::byte> data;
  std::string error;

  void feed(std::span<const std::byte> more) { data.insert(data.end(), more.begin(), more.end()); }
  // The next whole frame, if there is one.
  std::optional<Frame> next();
};

// All frames of one run but kBegin, with the ways to find one.
struct Frames {
  std::vector<Frame> all;

  // The n-th answer to that op; fails the test and returns an empty frame if there is none.
  const Frame& of(std::uint32_t op, std::size_t nth = 0) const;
  std::size_t count(std::uint32_t op) const;
  const Frame& last() const;
  protocol::ExecutedPayload executed(std::uint32_t op, std::size_t nth = 0) const {
    return of(op, nth).executed();
  }
  std::vector<std::uint64_t> values(std::uint32_t op, std::size_t nth = 0) const {
    return of(op, nth).values();
  }
  std::vector<std::uint8_t> bytes(std::uint32_t op, std::size_t nth = 0) const {
    return of(op, nth).bytes();
  }
  bool done(std::uint32_t op, std::size_t nth = 0) const {
    return of(op, nth).kind() == protocol::FrameKind::kDone;
  }
};

}  // namespace hypervet::tests
