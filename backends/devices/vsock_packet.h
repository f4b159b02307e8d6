// SPDX-License-Identifier: Apache-2.0
// Packets of the socket device (virtio 1.4, 5.10.6).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {

enum class VsockOp : std::uint16_t {
  kInvalid = 0,
  kRequest = 1,
  kResponse = 2,
  kReset = 3,
  kShutdown = 4,
  kData = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

inline constexpr std::uint16_t kVsockStream = 1, kVsockSeqpacket = 2;          // type
inline constexpr std::uint32_t kVsockShutReceive = 1, kVsockShutSend = 2;      // flags of kShutdown
inline constexpr std::uint32_t kVsockEndOfMessage = 1, kVsockEndOfRecord = 2;  // flags of kData
inline constexpr std::uint64_t kVsockHost = 2;                                 // CID

struct VsockHeader {
  static constexpr std::size_t kSize = 44;

  std::uint64_t src_cid = 0;
  std::uint64_t dst_cid = 0;
  std::uint32_t src_port = 0;
  std::uint32_t dst_port = 0;
  std::uint32_t len = 0;  // bytes of payload
  std::uint16_t type = 0;
  VsockOp op = VsockOp::kInvalid;
  std::uint32_t flags = 0;
  std::uint32_t buf_alloc = 0;
  std::uint32_t fwd_cnt = 0;

  static VsockHeader parse(std::span<const std::uint8_t, kSize> bytes) {
    return {.src_cid = load_le<std::uint64_t>(bytes, 0),
            .dst_cid = load_le<std::uint64_t>(bytes, 8),
            .src_port = load_le<std::uint32_t>(bytes, 16),
            .dst_port = load_le<std::uint32_t>(bytes, 20),
            .len = load_le<std::uint32_t>(bytes, 24),
            .type = load_le<std::uint16_t>(bytes, 28),
            .op = VsockOp{load_le<std::uint16_t>(bytes, 30)},
            .flags = load_le<std::uint32_t>(bytes, 32),
            .buf_alloc = load_le<std::uint32_t>(bytes, 36),
            .fwd_cnt = load_le<std::uint32_t>(bytes, 40)};
  }
  std::array<std::uint8_t, kSize> bytes() const {
    std::array<std::uint8_t, kSize> made{};
    store_le(std::span(made), 0, src_cid);
    store_le(std::span(made), 8, dst_cid);
    store_le(std::span(made), 16, src_port);
    store_le(std::span(made), 20, dst_port);
    store_le(std::span(made), 24, len);
    store_le(std::span(made), 28, type);
    store_le(std::span(made), 30, static_cast<std::uint16_t>(op));
    store_le(std::span(made), 32, flags);
    store_le(std::span(made), 36, buf_alloc);
    store_le(std::span(made), 40, fwd_cnt);
    return made;
  }
};

}  // namespace hypervet::devices
