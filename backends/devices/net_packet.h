// SPDX-License-Identifier: Apache-2.0
// What is in an Ethernet frame: where its headers lie, and its Internet checksums (RFC 1071).
// Frames are of anybody's making: nothing in them is believed before it is seen to be in the frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hypervet::devices::net {

using Frame = std::vector<std::uint8_t>;
using FrameView = std::span<const std::uint8_t>;
using MacAddress = std::array<std::uint8_t, 6>;

inline constexpr std::size_t kEthernet = 14;  // header without tag
inline constexpr std::size_t kVlanTag = 4;
inline constexpr std::uint8_t kTcp = 6, kUdp = 17;  // IP protocols

struct Layers {
  std::optional<std::uint16_t> vlan;  // VLAN ID of a tagged frame
  std::size_t network = 0;            // IP header; 0: none
  bool ipv6 = false;
  bool extended = false;           // IPv6 with extension headers
  std::size_t next_header_at = 0;  // IPv6: the byte that names what is at `transport`
  bool fragment = false;
  std::size_t end = 0;  // of the IP packet by its own length, if that is inside the frame; else 0
  std::uint8_t protocol = 0;  // kTcp or kUdp, whose whole header is in the frame; else 0
  std::size_t transport = 0;  // where it is; 0 without one
  std::size_t payload = 0;    // behind it

  bool tcp() const { return protocol == kTcp; }
  bool udp() const { return protocol == kUdp; }
  std::size_t checksum_at() const { return transport + (tcp() ? 16 : 6); }
};
Layers layers_of(FrameView frame);

MacAddress destination_of(FrameView frame);  // of at least kEthernet bytes

// Sum of 16-bit words, not folded; the same of the pseudo header of the transport header and what
// follows it up to `end`.
std::uint32_t ones_sum(FrameView bytes, std::uint32_t sum = 0);
std::uint32_t pseudo_sum(FrameView frame, const Layers& layers, std::size_t end);
std::uint16_t folded(std::uint32_t sum);

// 5.1.9.2: replaces the 16 bits at start + offset by the checksum from start to the frame's end.
// False: they are not in the frame.
bool complete_checksum(Frame& frame, std::size_t start, std::size_t offset);
// Computes the transport checksum from nothing; or puts the sum of the pseudo header in its place.
void write_checksum(Frame& frame, const Layers& layers, std::size_t end);
void write_pseudo_sum(Frame& frame, const Layers& layers, std::size_t end);
void write_ipv4_checksum(Frame& frame, std::size_t network);
// There is a transport checksum and it is right.
bool checksum_valid(FrameView frame, const Layers& layers);

}  // namespace hypervet::devices::net
