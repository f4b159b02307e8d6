// SPDX-License-Identifier: Apache-2.0
// Reads the frames that an agent sent. Every byte is guest-controlled: all lengths, counts and
// checksums are checked and the result is bounded. Stateless, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "guest-payloads/protocol/observation.h"

namespace hypervet::program {

// More frames than this are refused: 4096 ops, most of them once, some repeated.
inline constexpr std::size_t kMaxObservations = 65'536;

using Bytes = std::vector<std::uint8_t>;
using Values = std::vector<std::uint64_t>;

struct Observation {
  protocol::FrameHeader header{};
  // By header.kind: Hello, Executed (kExecuted, kPanic), Values (kValues, kFinished, kHostCall),
  // Bytes, Refused; monostate for kDone and kBegin.
  std::variant<std::monostate, protocol::HelloPayload, protocol::ExecutedPayload, Values, Bytes,
               protocol::RefusedPayload>
      payload;
  const protocol::ExecutedPayload* executed() const {
    return std::get_if<protocol::ExecutedPayload>(&payload);
  }
  // The fault that ended the op; nullptr if there was none.
  const protocol::ExecutedPayload* fault() const;
};

enum class Ending {
  kWhole,   // the program finished: every byte belongs to a whole frame
  kCutOff,  // the machine stopped in between: a last frame may be incomplete, and is dropped
};

// An error is one line that names the frame: "frame 3 (offset 512): checksum does not match".
std::expected<std::vector<Observation>, std::string> decode(std::span<const std::byte> frames,
                                                            Ending ending);

}  // namespace hypervet::program
