// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_packet.h"

#include <algorithm>

#include "backends/devices/little_endian.h"

namespace hypervet::devices::net {
namespace {

constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kTagged = 0x8100;
constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;
constexpr unsigned kMaxExtensions = 8;

void find_transport(FrameView frame, Layers& layers, std::uint8_t protocol, std::size_t at) {
  const std::size_t left = frame.size() - at;
  std::size_t size = 8;
  if (protocol == kTcp) size = left < 20 ? left + 1 : std::size_t{4} * (frame[at + 12] >> 4);
  if ((protocol != kTcp && protocol != kUdp) || size > left || (protocol == kTcp && size < 20))
    return;
  layers.protocol = protocol;
  layers.transport = at;
  layers.payload = at + size;
}

void read_ipv4(FrameView frame, Layers& layers, std::size_t at) {
  if (frame.size() - at < 20 || frame[at] >> 4 != 4) return;
  const std::size_t size = std::size_t{4} * (frame[at] & 15);
  if (size < 20 || size > frame.size() - at) return;
  layers.network = at;
  const std::size_t total = load_be<std::uint16_t>(frame, at + 2);
  if (total >= size && total <= frame.size() - at) layers.end = at + total;
  const auto fragment = load_be<std::uint16_t>(frame, at + 6);
  layers.fragment = (fragment & 0x3fff) != 0;  // offset or "more fragments"
  if (!layers.fragment) find_transport(frame, layers, frame[at + 9], at + size);
}

void read_ipv6(FrameView frame, Layers& layers, std::size_t at) {
  if (frame.size() - at < 40 || frame[at] >> 4 != 6) return;
  layers.network = at;
  layers.ipv6 = true;
  const std::size_t length = load_be<std::uint16_t>(frame, at + 4);
  if (length != 0 && length <= frame.size() - at - 40) layers.end = at + 40 + length;
  std::uint8_t next = frame[at + 6];
  layers.next_header_at = at + 6;
  std::size_t place = at + 40;
  for (unsigned i = 0; i < kMaxExtensions; ++i) {
    if (next != kHopByHop && next != kRouting && next != kDestination) break;
    if (frame.size() - place < 8) return;
    const std::size_t size = 8 + std::size_t{8} * frame[place + 1];
    if (size > frame.size() - place) return;
    layers.extended = true;
    layers.next_header_at = place;
    next = frame[place];
    place += size;
  }
  layers.fragment = next == kFragment;
  if (!layers.fragment) find_transport(frame, layers, next, place);
}

}  // namespace

Layers layers_of(FrameView frame) {
  Layers layers;
  if (frame.size() < kEthernet) return layers;
  std::size_t at = kEthernet;
  auto type = load_be<std::uint16_t>(frame, 12);
  if (type == kTagged) {
    if (frame.size() < kEthernet + kVlanTag) return layers;
    layers.vlan = load_be<std::uint16_t>(frame, 14) & 0xfff;
    type = load_be<std::uint16_t>(frame, 16);
    at += kVlanTag;
  }
  if (type == kIpv4) read_ipv4(frame, layers, at);
  if (type == kIpv6) read_ipv6(frame, layers, at);
  return layers;
}

MacAddress destination_of(FrameView frame) {
  MacAddress address;
  std::ranges::copy(frame.first(address.size()), address.begin());
  return address;
}

std::uint32_t ones_sum(FrameView bytes, std::uint32_t sum) {
  // 64 KiB of words add up to less than 2^31: no carry is lost.
  for (; bytes.size() >= 2; bytes = bytes.subspan(2)) sum += load_be<std::uint16_t>(bytes);
  if (!bytes.empty()) sum += std::uint32_t{bytes[0]} << 8;
  return sum;
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint32_t pseudo_sum(FrameView frame, const Layers& layers, std::size_t end) {
  const auto length = static_cast<std::uint32_t>(end - layers.transport);
  const FrameView addresses =
      layers.ipv6 ? frame.subspan(layers.network + 8, 32) : frame.subspan(layers.network + 12, 8);
  return ones_sum(addresses, layers.protocol + (length >> 16) + (length & 0xffff));
}

bool complete_checksum(Frame& frame, std::size_t start, std::size_t offset) {
  if (start >= frame.size() || offset + 2 > frame.size() - start) return false;
  const std::uint16_t sum = folded(ones_sum(FrameView(frame).subspan(start)));
  // Zero would say "no checksum" in UDP; the two zeroes of ones' complement are equal elsewhere.
  const auto checksum = static_cast<std::uint16_t>(~sum);
  store_be<std::uint16_t>(frame, start + offset, checksum == 0 ? 0xffff : checksum);
  return true;
}

void write_pseudo_sum(Frame& frame, const Layers& layers, std::size_t end) {
  store_be(std::span(frame), layers.checksum_at(), folded(pseudo_sum(frame, layers, end)));
}

void write_checksum(Frame& frame, const Layers& layers, std::size_t end) {
  write_pseudo_sum(frame, layers, end);
  const FrameView covered = FrameView(frame).subspan(layers.transport, end - layers.transport);
  const auto checksum = static_cast<std::uint16_t>(~folded(ones_sum(covered)));
  store_be<std::uint16_t>(frame, layers.checksum_at(), checksum == 0 ? 0xffff : checksum);
}

void write_ipv4_checksum(Frame& frame, std::size_t network) {
  const std::size_t size = std::size_t{4} * (frame[network] & 15);
  store_be<std::uint16_t>(frame, network + 10, 0);
  const std::uint16_t sum = folded(ones_sum(FrameView(frame).subspan(network, size)));
  store_be<std::uint16_t>(frame, network + 10, static_cast<std::uint16_t>(~sum));
}

bool checksum_valid(FrameView frame, const Layers& layers) {
  if (layers.transport == 0 || layers.end < layers.payload) return false;
  if (layers.udp() && load_be<std::uint16_t>(frame, layers.checksum_at()) == 0) return false;
  const FrameView covered = frame.subspan(layers.transport, layers.end - layers.transport);
  return folded(ones_sum(covered, pseudo_sum(frame, layers, layers.end))) == 0xffff;
}

}  // namespace hypervet::devices::net
