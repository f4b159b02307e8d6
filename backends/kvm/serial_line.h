// SPDX-License-Identifier: Apache-2.0
// COM1 with a reader behind it: the serial channel of the agent, or the console of any payload.
// Finds the host calls among the frames that the guest sends and carries the answers back.
// Thread-safe: several vCPUs may print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "backends/machine/host_call.h"
#include "backends/machine/serial.h"
#include "backends/machine/serial_channel.h"
#include "guest-payloads/protocol/observation.h"

namespace hypervet::kvm {

class SerialLine {
 public:
  static constexpr std::uint16_t kPorts = 8;

  // parse_frames: the guest is an agent on the serial channel.
  explicit SerialLine(bool parse_frames) : parse_frames_(parse_frames) {}

  std::uint32_t in(std::uint16_t offset, unsigned size);
  // A host call that this byte completed; the caller performs it and answers.
  std::optional<machine::HostCall> out(std::uint16_t offset, unsigned size, std::uint32_t value);
  void answer(const machine::HostAnswer& answer);

  // Once no vCPU runs any more: all that was sent, guest-controlled.
  std::span<const std::byte> sent() const { return std::as_bytes(device_.output()); }
  bool overflowed() const { return device_.overflowed(); }
  // Kind of the last whole frame but for host calls and kBegin; nullopt: there was none.
  std::optional<protocol::FrameKind> last_frame() const;

 private:
  mutable std::mutex mutex_;
  machine::Serial device_;
  const bool parse_frames_;
  machine::SerialChannel channel_;
};

}  // namespace hypervet::kvm
