// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_segments.h"

#include <algorithm>

#include "backends/devices/little_endian.h"

namespace hypervet::devices::net {
namespace {

constexpr std::uint8_t kFin = 0x01, kPush = 0x08, kCongestionReduced = 0x80;  // TCP flags
constexpr std::uint8_t kFragmentHeader = 44;                                  // IPv6
constexpr std::uint16_t kMoreFragments = 0x2000;                              // IPv4

// The lengths and the identification in the IP header of one frame of several.
void write_ip_lengths(Frame& frame, const Layers& layers, std::size_t index) {
  const std::size_t at = layers.network;
  if (layers.ipv6) {
    store_be(std::span(frame), at + 4, static_cast<std::uint16_t>(frame.size() - at - 40));
    return;
  }
  store_be(std::span(frame), at + 2, static_cast<std::uint16_t>(frame.size() - at));
  const auto id = static_cast<std::uint16_t>(load_be<std::uint16_t>(frame, at + 4) + index);
  store_be(std::span(frame), at + 4, id);
}

Frame joined(FrameView headers, FrameView payload) {
  Frame frame(headers.begin(), headers.end());
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

// TCP segments, or UDP datagrams of one flow.
std::vector<Frame> cut_transport(const Header& header, FrameView packet, const Layers& layers) {
  std::vector<Frame> made;
  const FrameView headers = packet.first(layers.payload);
  const FrameView payload = packet.subspan(layers.payload);
  for (std::size_t at = 0; at < payload.size(); at += header.gso_size) {
    const std::size_t size = std::min<std::size_t>(header.gso_size, payload.size() - at);
    Frame frame = joined(headers, payload.subspan(at, size));
    write_ip_lengths(frame, layers, made.size());
    if (!layers.ipv6) write_ipv4_checksum(frame, layers.network);
    if (layers.tcp()) {
      const auto sequence = load_be<std::uint32_t>(frame, layers.transport + 4);
      store_be(std::span(frame), layers.transport + 4, sequence + static_cast<std::uint32_t>(at));
      std::uint8_t& flags = frame[layers.transport + 13];
      if (at != 0) flags &= static_cast<std::uint8_t>(~kCongestionReduced);
      if (at + size < payload.size()) flags &= static_cast<std::uint8_t>(~(kFin | kPush));
    } else {
      store_be(std::span(frame), layers.transport + 4, static_cast<std::uint16_t>(8 + size));
    }
    write_checksum(frame, layers, frame.size());
    made.push_back(std::move(frame));
  }
  return made;
}

// IP fragments of one UDP datagram; the first one has its header.
std::vector<Frame> cut_datagram(const Header& header, FrameView packet, const Layers& layers) {
  Frame whole(packet.begin(), packet.end());
  store_be(std::span(whole), layers.transport + 4,
           static_cast<std::uint16_t>(whole.size() - layers.transport));
  write_checksum(whole, layers, whole.size());
  const FrameView data = FrameView(whole).subspan(layers.transport);
  const std::size_t step = header.gso_size & ~std::size_t{7};
  std::vector<Frame> made;
  for (std::size_t at = 0; at < data.size(); at += step) {
    const std::size_t size = std::min(step, data.size() - at);
    const bool more = at + size < data.size();
    Frame headers(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(layers.transport));
    if (layers.ipv6) {
      headers[layers.next_header_at] = kFragmentHeader;
      Frame extension(8);
      extension[0] = kUdp;
      store_be(std::span(extension), 2, static_cast<std::uint16_t>(at | (more ? 1 : 0)));
      // The identification need only differ from packet to packet: the ports and the length do.
      std::ranges::copy(data.subspan(2, 4), extension.begin() + 4);
      headers.insert(headers.end(), extension.begin(), extension.end());
    } else {
      store_be(std::span(headers), layers.network + 6,
               static_cast<std::uint16_t>(at / 8 | (more ? kMoreFragments : 0)));
    }
    Frame frame = joined(headers, data.subspan(at, size));
    write_ip_lengths(frame, layers, 0);
    if (!layers.ipv6) write_ipv4_checksum(frame, layers.network);
    made.push_back(std::move(frame));
  }
  return made;
}

}  // namespace

bool segmentable(const Header& header, const Layers& layers) {
  switch (header.gso()) {
    case kGsoTcp4:
      return layers.tcp() && !layers.ipv6 && header.gso_size != 0;
    case kGsoTcp6:
      return layers.tcp() && layers.ipv6 && header.gso_size != 0;
    case kGsoUdpL4:
      return layers.udp() && header.gso_size != 0 && !header.ecn();
    case kGsoUdp:
      return layers.udp() && header.gso_size >= 8 && !header.ecn();
    default:
      return false;
  }
}

std::optional<std::vector<Frame>> segments(const Header& header, FrameView packet) {
  const Layers layers = layers_of(packet);
  if (!segmentable(header, layers)) return std::nullopt;
  const bool fragments = header.gso() == kGsoUdp;
  const std::size_t size = packet.size() - (fragments ? layers.transport : layers.payload);
  const std::size_t step = fragments ? header.gso_size & ~std::size_t{7} : header.gso_size;
  if (size == 0 || (size - 1) / step >= kMaxSegments) return std::nullopt;
  if (fragments && packet.size() - layers.transport > 0xffff) return std::nullopt;
  return fragments ? cut_datagram(header, packet, layers) : cut_transport(header, packet, layers);
}

}  // namespace hypervet::devices::net
