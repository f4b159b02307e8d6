// SPDX-License-Identifier: Apache-2.0
// Finds the host calls in what an agent sends over the serial line. The bytes are guest-controlled:
// a call counts only in a whole frame with a right checksum; anything else is skipped byte by byte
// until a frame begins. One machine, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/sim/mailbox_view.h"

namespace hypervet::sim {

class SerialChannel {
 public:
  // `sent` is all that the line carried so far. The host call that its new bytes complete, if any;
  // at most one, since the agent waits for the answer.
  std::optional<HostCall> advance(std::span<const std::uint8_t> sent);
  // The bytes that answer a call.
  static std::vector<std::uint8_t> answer(protocol::HostStatus status, std::uint64_t result);
  // Whole frames seen.
  std::uint64_t frames() const { return frames_; }
  void reset() { *this = SerialChannel(); }

 private:
  std::size_t parsed_ = 0;
  std::size_t needed_ = 0;  // nothing to look at before the line carried that many bytes
  std::uint64_t frames_ = 0;
};

}  // namespace hypervet::sim
