// SPDX-License-Identifier: Apache-2.0
// The hash of a packet that comes in (virtio 1.4, 5.1.9.4.3 to 5.1.9.4.5): Toeplitz over addresses
// and ports.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

// Hash types without those for extension headers, which are skipped as the text says then.
inline constexpr std::uint32_t kHashIpv4 = 1, kHashTcp4 = 2, kHashUdp4 = 4, kHashIpv6 = 8,
                               kHashTcp6 = 16, kHashUdp6 = 32, kHashTypes = 63;
inline constexpr std::size_t kMaxHashKey = 40;
// Encapsulations whose inner packet can be hashed: VXLAN (RFC 7348).
inline constexpr std::uint32_t kTunnelTypes = 1 << 4;

struct HashSettings {
  std::uint32_t types = 0;
  std::vector<std::uint8_t> key;
  std::uint32_t tunnels = 0;  // of kTunnelTypes
};

struct Hash {
  std::uint32_t value = 0;
  std::uint16_t report = 0;  // VIRTIO_NET_HASH_REPORT_...; 0: not calculated
};
Hash hash_of(FrameView frame, const HashSettings& settings);

}  // namespace hypervet::devices::net
