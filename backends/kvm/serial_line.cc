// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/serial_line.h"

#include <cstring>

namespace hypervet::kvm {

using protocol::FrameHeader;
using protocol::FrameKind;

std::uint32_t SerialLine::in(std::uint16_t offset, unsigned size) {
  const std::lock_guard lock(mutex_);
  return device_.port_in(offset, size);
}

std::optional<HostCall> SerialLine::out(std::uint16_t offset, unsigned size, std::uint32_t value) {
  const std::lock_guard lock(mutex_);
  device_.port_out(offset, size, value);
  if (!parse_frames_ || device_.output().size() - parsed_ < wanted_) return std::nullopt;
  return parse();
}

// The harness judges the frames; here only host calls matter. What does not begin a frame is
// skipped byte by byte.
std::optional<HostCall> SerialLine::parse() {
  const auto sent = device_.output();
  while (sent.size() - parsed_ >= sizeof(FrameHeader)) {
    FrameHeader header;
    std::memcpy(&header, sent.data() + parsed_, sizeof(header));
    if (header.magic != protocol::kFrameMagic || header.length > protocol::kMaxFramePayload) {
      ++parsed_;
      continue;
    }
    const std::size_t size = sizeof(header) + ((std::size_t{header.length} + 7) & ~std::size_t{7});
    if (sent.size() - parsed_ < size) {
      wanted_ = size;
      return std::nullopt;
    }
    const std::uint8_t* const payload = sent.data() + parsed_ + sizeof(header);
    parsed_ += size;
    std::uint64_t words[5];
    if (header.kind == FrameKind::kHostCall && header.length == sizeof(words)) {
      wanted_ = sizeof(FrameHeader);
      std::memcpy(words, payload, sizeof(words));
      return HostCall{.verb = static_cast<protocol::HostVerb>(words[0]),
                      .arguments = {words[1], words[2], words[3], words[4]}};
    }
    if (header.kind != FrameKind::kBegin) last_frame_ = header.kind;
  }
  wanted_ = sizeof(FrameHeader);
  return std::nullopt;
}

void SerialLine::answer(const HostAnswer& answer) {
  std::uint8_t bytes[1 + sizeof(answer.result)];
  bytes[0] = static_cast<std::uint8_t>(answer.status);
  std::memcpy(bytes + 1, &answer.result, sizeof(answer.result));
  const std::lock_guard lock(mutex_);
  device_.receive(bytes);
}

std::optional<FrameKind> SerialLine::last_frame() const {
  const std::lock_guard lock(mutex_);
  return last_frame_;
}

}  // namespace hypervet::kvm
