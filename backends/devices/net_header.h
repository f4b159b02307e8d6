// SPDX-License-Identifier: Apache-2.0
// struct virtio_net_hdr (virtio 1.4, 5.1.9), as far as the features of this device go.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/devices/little_endian.h"

namespace hypervet::devices::net {

// flags
inline constexpr std::uint8_t kNeedsCsum = 1, kDataValid = 2, kRscInfo = 4, kUdpTunnelCsum = 8;
// gso_type
inline constexpr std::uint8_t kGsoNone = 0, kGsoTcp4 = 1, kGsoUdp = 3, kGsoTcp6 = 4, kGsoUdpL4 = 5,
                              kGsoTunnel4 = 0x20, kGsoTunnel6 = 0x40, kGsoEcn = 0x80;

struct Header {
  static constexpr std::size_t kSize = 12, kSizeWithHash = 20;

  std::uint8_t flags = 0;
  std::uint8_t gso_type = kGsoNone;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
  std::uint16_t num_buffers = 0;
  std::uint32_t hash_value = 0;
  std::uint16_t hash_report = 0;

  // Without ECN, which says something about a TCP type and is none of its own.
  std::uint8_t gso() const { return gso_type & static_cast<std::uint8_t>(~kGsoEcn); }
  bool ecn() const { return (gso_type & kGsoEcn) != 0; }

  // What a sender fills in.
  static Header parse(std::span<const std::uint8_t, kSize> bytes) {
    return {.flags = bytes[0],
            .gso_type = bytes[1],
            .hdr_len = load_le<std::uint16_t>(bytes, 2),
            .gso_size = load_le<std::uint16_t>(bytes, 4),
            .csum_start = load_le<std::uint16_t>(bytes, 6),
            .csum_offset = load_le<std::uint16_t>(bytes, 8)};
  }
  std::array<std::uint8_t, kSizeWithHash> bytes() const {
    std::array<std::uint8_t, kSizeWithHash> made{flags, gso_type};
    store_le(std::span(made), 2, hdr_len);
    store_le(std::span(made), 4, gso_size);
    store_le(std::span(made), 6, csum_start);
    store_le(std::span(made), 8, csum_offset);
    store_le(std::span(made), 10, num_buffers);
    store_le(std::span(made), 12, hash_value);
    store_le(std::span(made), 16, hash_report);
    return made;
  }
};

}  // namespace hypervet::devices::net
