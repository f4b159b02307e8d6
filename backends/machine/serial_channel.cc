// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/serial_channel.h"

#include <cstring>

#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::machine {

using protocol::FrameHeader;
using protocol::FrameKind;

std::optional<HostCall> SerialChannel::advance(std::span<const std::uint8_t> sent) {
  while (sent.size() >= needed_ && sent.size() - parsed_ >= sizeof(FrameHeader)) {
    FrameHeader header;
    std::memcpy(&header, sent.data() + parsed_, sizeof header);
    if (header.magic != protocol::kFrameMagic || header.length > protocol::kMaxFramePayload) {
      ++parsed_;
      continue;
    }
    const std::size_t padded = (std::size_t{header.length} + 7) & ~std::size_t{7};
    if (sent.size() - parsed_ < sizeof header + padded) {
      needed_ = parsed_ + sizeof header + padded;
      return std::nullopt;
    }
    const std::uint8_t* payload = sent.data() + parsed_ + sizeof header;
    const std::uint64_t claimed = header.checksum;
    header.checksum = 0;
    const std::uint64_t sum =
        protocol::checksum(payload, padded, protocol::checksum(&header, sizeof header));
    if (sum != claimed) {
      ++parsed_;
      continue;
    }
    frames_.push_back({parsed_, sizeof header + padded});
    parsed_ += sizeof header + padded;
    if (header.kind != FrameKind::kHostCall && header.kind != FrameKind::kBegin)
      last_frame_ = header.kind;
    if (header.kind != FrameKind::kHostCall || header.length < 5 * 8) continue;
    std::array<std::uint64_t, 5> values;
    std::memcpy(values.data(), payload, sizeof values);
    return HostCall{static_cast<protocol::HostVerb>(values[0]),
                    {values[1], values[2], values[3], values[4]}};
  }
  return std::nullopt;
}

std::vector<std::uint8_t> SerialChannel::answer(protocol::HostStatus status, std::uint64_t result) {
  std::vector<std::uint8_t> bytes(9);
  bytes[0] = static_cast<std::uint8_t>(status);
  std::memcpy(bytes.data() + 1, &result, sizeof result);
  return bytes;
}

}  // namespace hypervet::machine
