// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_hash.h"

#include <bit>

#include "backends/devices/little_endian.h"

namespace hypervet::devices::net {
namespace {

// Each bit that is set in the data adds the 32 bits of the key that begin where the bit stands.
std::uint32_t toeplitz(const std::vector<std::uint8_t>& key, FrameView data) {
  const auto key_byte = [&](std::size_t i) -> std::uint64_t { return i < key.size() ? key[i] : 0; };
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::uint64_t window = 0;  // 40 bits: those for the eight bits of this byte
    for (std::size_t j = 0; j < 5; ++j) window = window << 8 | key_byte(i + j);
    for (unsigned b = 0; b < 8; ++b)
      if ((data[i] & 0x80 >> b) != 0) hash ^= static_cast<std::uint32_t>(window >> (8 - b));
  }
  return hash;
}

// The frame in a VXLAN packet; empty: it is none.
FrameView inside_vxlan(FrameView frame, const Layers& layers) {
  constexpr std::uint16_t kPort = 4789;
  constexpr std::size_t kVxlan = 8;
  if (!layers.udp() || load_be<std::uint16_t>(frame, layers.transport + 2) != kPort ||
      frame.size() - layers.payload < kVxlan)
    return {};
  return frame.subspan(layers.payload + kVxlan);
}

}  // namespace

Hash hash_of(FrameView frame, const HashSettings& settings) {
  Layers layers = layers_of(frame);
  if (settings.tunnels != 0) {
    if (const FrameView inner = inside_vxlan(frame, layers); !inner.empty()) {
      frame = inner;
      layers = layers_of(frame);
    }
  }
  if (layers.network == 0) return {};
  const std::uint32_t with_ports = layers.tcp()   ? (layers.ipv6 ? kHashTcp6 : kHashTcp4)
                                   : layers.udp() ? (layers.ipv6 ? kHashUdp6 : kHashUdp4)
                                                  : 0;
  const std::uint32_t alone = layers.ipv6 ? kHashIpv6 : kHashIpv4;
  const std::uint32_t type = (settings.types & with_ports) != 0 ? with_ports
                             : (settings.types & alone) != 0    ? alone
                                                                : 0;
  if (type == 0) return {};
  const FrameView addresses =
      layers.ipv6 ? frame.subspan(layers.network + 8, 32) : frame.subspan(layers.network + 12, 8);
  Frame data(addresses.begin(), addresses.end());
  if (type == with_ports) {
    const FrameView ports = frame.subspan(layers.transport, 4);
    data.insert(data.end(), ports.begin(), ports.end());
  }
  return {toeplitz(settings.key, data), static_cast<std::uint16_t>(std::countr_zero(type) + 1)};
}

}  // namespace hypervet::devices::net
