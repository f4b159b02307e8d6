// SPDX-License-Identifier: Apache-2.0
// Ethernet frames for the tests of the network device.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/devices/little_endian.h"
#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

inline constexpr MacAddress kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr MacAddress kGroupMac = {0x01, 0x00, 0x5e, 1, 2, 3};
inline constexpr MacAddress kOtherMac = {0x02, 9, 9, 9, 9, 9};

struct FrameShape {
  MacAddress to{};
  int vlan = -1;
  bool ipv6 = false;
  bool tcp = true;  // else UDP
  std::uint16_t source_port = 1000;
  std::uint16_t destination_port = 2000;
  std::size_t payload = 10;
  std::uint8_t tcp_flags = 0x18;  // ACK, PSH
};

// A whole packet with right lengths and checksums; its payload counts up from 0.
inline Frame make_frame(const FrameShape& shape) {
  Frame frame(shape.to.begin(), shape.to.end());
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) frame.push_back(static_cast<std::uint8_t>(byte));
  };
  put({2, 1, 1, 1, 1, 1});
  if (shape.vlan >= 0) put({0x81, 0x00, shape.vlan >> 8, shape.vlan & 0xff});
  if (shape.ipv6)
    put({0x86, 0xdd});
  else
    put({0x08, 0x00});
  const std::size_t network = frame.size();
  const std::size_t transport_size = (shape.tcp ? 20 : 8) + shape.payload;
  const int protocol = shape.tcp ? kTcp : kUdp;
  if (shape.ipv6) {
    put({0x60, 0, 0, 0, int(transport_size >> 8), int(transport_size), protocol, 64});
    for (int i = 0; i < 32; ++i) frame.push_back(static_cast<std::uint8_t>(i));
  } else {
    const std::size_t total = 20 + transport_size;
    put({0x45, 0, int(total >> 8), int(total), 0x12, 0x34, 0, 0, 64, protocol, 0, 0});
    put({10, 0, 0, 1, 10, 0, 0, 2});
    write_ipv4_checksum(frame, network);
  }
  put({shape.source_port >> 8, shape.source_port, shape.destination_port >> 8,
       shape.destination_port});
  if (shape.tcp)
    put({0, 0, 1, 0, 0, 0, 2, 0, 0x50, shape.tcp_flags, 1, 0, 0, 0, 0, 0});
  else
    put({int(transport_size >> 8), int(transport_size), 0, 0});
  for (std::size_t i = 0; i < shape.payload; ++i) frame.push_back(static_cast<std::uint8_t>(i));
  write_checksum(frame, layers_of(frame), frame.size());
  return frame;
}

inline Frame with_pseudo_sum(Frame frame) {
  write_pseudo_sum(frame, layers_of(frame), frame.size());
  return frame;
}

}  // namespace hypervet::devices::net
