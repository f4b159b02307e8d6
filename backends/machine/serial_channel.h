// SPDX-License-Identifier: Apache-2.0
// Finds the host calls in what an agent sends over the serial line. The bytes are guest-controlled:
// a call counts only in a whole frame with a right checksum; anything else is skipped byte by byte
// until a frame begins. One machine, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/machine/host_call.h"
#include "guest-payloads/protocol/observation.h"

namespace hypervet::machine {

class SerialChannel {
 public:
  // `sent` is all that the line carried so far. The host call that its new bytes complete, if any;
  // at most one, since the agent waits for the answer.
  std::optional<HostCall> advance(std::span<const std::uint8_t> sent);
  // The bytes that answer a call.
  static std::vector<std::uint8_t> answer(protocol::HostStatus status, std::uint64_t result);
  // Whole frames seen.
  std::uint64_t frames() const { return frames_.size(); }
  // Where they lie in what was sent: all else is what a firmware or a VMM said in between.
  struct Piece {
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  std::span<const Piece> pieces() const { return frames_; }
  // The kind of the last one but for host calls and kBegin; nullopt: there was none.
  std::optional<protocol::FrameKind> last_frame() const { return last_frame_; }
  void reset() { *this = SerialChannel(); }

 private:
  std::size_t parsed_ = 0;
  std::size_t needed_ = 0;  // nothing to look at before the line carried that many bytes
  std::vector<Piece> frames_;
  std::optional<protocol::FrameKind> last_frame_;
};

}  // namespace hypervet::machine
