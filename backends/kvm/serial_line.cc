// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/serial_line.h"

namespace hypervet::kvm {

std::uint32_t SerialLine::in(std::uint16_t offset, unsigned size) {
  const std::lock_guard lock(mutex_);
  return device_.port_in(offset, size);
}

std::optional<machine::HostCall> SerialLine::out(std::uint16_t offset, unsigned size,
                                                 std::uint32_t value) {
  const std::lock_guard lock(mutex_);
  device_.port_out(offset, size, value);
  return parse_frames_ ? channel_.advance(device_.output()) : std::nullopt;
}

void SerialLine::answer(const machine::HostAnswer& answer) {
  const auto bytes = machine::SerialChannel::answer(answer.status, answer.result);
  const std::lock_guard lock(mutex_);
  device_.receive(bytes);
}

std::optional<protocol::FrameKind> SerialLine::last_frame() const {
  const std::lock_guard lock(mutex_);
  return channel_.last_frame();
}

}  // namespace hypervet::kvm
