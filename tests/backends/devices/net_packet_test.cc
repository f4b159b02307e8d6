// SPDX-License-Identifier: Apache-2.0
// Headers, checksums, segments and hashes of frames.
#include "backends/devices/net_packet.h"

#include <gtest/gtest.h>

#include "backends/devices/net_hash.h"
#include "backends/devices/net_segments.h"
#include "tests/backends/devices/net_frames.h"

namespace hypervet::devices::net {
namespace {

TEST(NetPacket, FindsHeaders) {
  const Frame tagged = make_frame({.vlan = 5});
  Layers layers = layers_of(tagged);
  EXPECT_EQ(layers.vlan, 5);
  EXPECT_EQ(layers.network, 18u);
  EXPECT_EQ(layers.transport, 38u);
  EXPECT_EQ(layers.payload, 58u);
  EXPECT_TRUE(layers.tcp());
  EXPECT_EQ(layers.end, tagged.size());
  layers = layers_of(make_frame({.ipv6 = true, .tcp = false}));
  EXPECT_TRUE(layers.ipv6);
  EXPECT_TRUE(layers.udp());
  EXPECT_EQ(layers.transport, 54u);
}

// Every prefix of a frame, and every byte of it changed: nothing outside it is looked at (ASan).
TEST(NetPacket, BelievesNothing) {
  for (const bool ipv6 : {false, true}) {
    const Frame frame = make_frame({.ipv6 = ipv6});
    for (std::size_t size = 0; size <= frame.size(); ++size) {
      const Frame part(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      const Layers layers = layers_of(part);
      EXPECT_LE(layers.payload, size);
      checksum_valid(part, layers);
      segments({.gso_type = kGsoTcp4, .gso_size = 1}, part);
    }
    for (std::size_t at = 12; at < frame.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Frame changed = frame;
        changed[at] = static_cast<std::uint8_t>(value);
        const Layers layers = layers_of(changed);
        EXPECT_LE(layers.payload, changed.size());
        EXPECT_LE(layers.end, changed.size());
        checksum_valid(changed, layers);
        hash_of(changed, {.types = kHashTypes, .key = {1, 2}});
        for (const std::uint8_t gso : {kGsoTcp4, kGsoTcp6, kGsoUdp, kGsoUdpL4})
          segments({.gso_type = gso, .gso_size = 8}, changed);
      }
    }
  }
}

TEST(NetPacket, ChecksumsAreRightOrWrong) {
  for (const bool ipv6 : {false, true}) {
    for (const bool tcp : {false, true}) {
      Frame frame = make_frame({.ipv6 = ipv6, .tcp = tcp, .payload = 11});
      const Layers layers = layers_of(frame);
      EXPECT_TRUE(checksum_valid(frame, layers));
      Frame partial = with_pseudo_sum(frame);
      EXPECT_FALSE(checksum_valid(partial, layers));
      EXPECT_TRUE(
          complete_checksum(partial, layers.transport, layers.checksum_at() - layers.transport));
      EXPECT_EQ(partial, frame);
      frame.back() ^= 1;
      EXPECT_FALSE(checksum_valid(frame, layers));
      frame.push_back(0xee);  // padding is no part of it
      frame[frame.size() - 2] ^= 1;
      EXPECT_TRUE(checksum_valid(frame, layers_of(frame)));
    }
  }
  Frame frame(20);
  EXPECT_FALSE(complete_checksum(frame, 19, 0));
  EXPECT_FALSE(complete_checksum(frame, 0xffff, 0xffff));
  EXPECT_TRUE(complete_checksum(frame, 18, 0));
}

TEST(NetSegments, TcpKeepsTheStream) {
  for (const bool ipv6 : {false, true}) {
    const Frame packet = make_frame({.ipv6 = ipv6, .payload = 2500, .tcp_flags = 0x99});
    const auto made = segments({.gso_type = ipv6 ? kGsoTcp6 : kGsoTcp4, .gso_size = 1000}, packet);
    ASSERT_TRUE(made);
    ASSERT_EQ(made->size(), 3u);
    Frame payload;
    for (std::size_t i = 0; i < 3; ++i) {
      const Frame& each = (*made)[i];
      const Layers layers = layers_of(each);
      EXPECT_EQ(layers.end, each.size());
      EXPECT_TRUE(checksum_valid(each, layers));
      EXPECT_EQ(load_be<std::uint32_t>(each, layers.transport + 4), 0x100 + 1000 * i);
      const std::uint8_t flags = each[layers.transport + 13];
      EXPECT_EQ(flags & 0x80, i == 0 ? 0x80 : 0) << "CWR on the first";
      EXPECT_EQ(flags & 0x09, i == 2 ? 0x09 : 0) << "FIN and PSH on the last";
      if (!ipv6) {
        EXPECT_EQ(load_be<std::uint16_t>(each, 18), 0x1234 + i);
        EXPECT_EQ(folded(ones_sum(FrameView(each).subspan(14, 20))), 0xffff);
      }
      payload.insert(payload.end(), each.begin() + static_cast<std::ptrdiff_t>(layers.payload),
                     each.end());
    }
    EXPECT_TRUE(std::ranges::equal(payload, FrameView(packet).last(2500)));
  }
}

TEST(NetSegments, UdpIsSegmentedOrFragmented) {
  for (const bool ipv6 : {false, true}) {
    const Frame packet = make_frame({.ipv6 = ipv6, .tcp = false, .payload = 2000});
    const auto datagrams = segments({.gso_type = kGsoUdpL4, .gso_size = 900}, packet);
    ASSERT_TRUE(datagrams);
    ASSERT_EQ(datagrams->size(), 3u);
    for (const Frame& each : *datagrams) EXPECT_TRUE(checksum_valid(each, layers_of(each)));
    const Frame& last = datagrams->back();
    EXPECT_EQ(load_be<std::uint16_t>(last, layers_of(last).transport + 4), 8 + 200);

    const auto fragments = segments({.gso_type = kGsoUdp, .gso_size = 1003}, packet);
    ASSERT_TRUE(fragments);
    ASSERT_EQ(fragments->size(), 3u);
    Frame whole;
    for (std::size_t i = 0; i < 3; ++i) {
      const Frame& each = (*fragments)[i];
      EXPECT_TRUE(layers_of(each).fragment);
      EXPECT_EQ(layers_of(each).end, each.size());
      const auto field = load_be<std::uint16_t>(each, ipv6 ? 56 : 20);
      EXPECT_EQ(ipv6 ? field & 0xfff8 : (field & 0x1fff) * 8, 1000 * i);
      EXPECT_EQ((field & (ipv6 ? 1 : 0x2000)) != 0, i < 2);
      whole.insert(whole.end(), each.begin() + (ipv6 ? 62 : 34), each.end());
    }
    EXPECT_TRUE(std::ranges::equal(whole, FrameView(packet).subspan(ipv6 ? 54 : 34)));
  }
}

TEST(NetSegments, RefusesWhatIsNotThatPacket) {
  const Frame tcp = make_frame({.payload = 2000});
  EXPECT_FALSE(segments({.gso_type = kGsoTcp6, .gso_size = 100}, tcp));
  EXPECT_FALSE(segments({.gso_type = kGsoUdp, .gso_size = 100}, tcp));
  EXPECT_FALSE(segments({.gso_type = kGsoTcp4, .gso_size = 0}, tcp));
  EXPECT_FALSE(segments({.gso_type = kGsoTcp4, .gso_size = 1}, tcp)) << "too many";
  EXPECT_FALSE(segments({.gso_type = 2, .gso_size = 100}, tcp));
  EXPECT_FALSE(segments({.gso_type = kGsoTcp4, .gso_size = 100}, make_frame({.payload = 0})));
  const Frame udp = make_frame({.tcp = false, .payload = 2000});
  EXPECT_FALSE(segments({.gso_type = kGsoUdp, .gso_size = 7}, udp));
  EXPECT_FALSE(segments({.gso_type = kGsoUdpL4 | kGsoEcn, .gso_size = 100}, udp));
}

// The key and the first example of Microsoft's verification suite for RSS hashes: 66.9.149.187:2794
// to 161.142.100.80:1766.
TEST(NetHash, IsToeplitz) {
  const std::vector<std::uint8_t> key = {
      0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
      0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
      0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  Frame frame = make_frame({.source_port = 2794, .destination_port = 1766});
  const std::array<std::uint8_t, 8> addresses = {66, 9, 149, 187, 161, 142, 100, 80};
  std::ranges::copy(addresses, frame.begin() + 26);
  Hash hash = hash_of(frame, {.types = kHashTypes, .key = key});
  EXPECT_EQ(hash.value, 0x51ccc178u);
  EXPECT_EQ(hash.report, 2);
  hash = hash_of(frame, {.types = kHashIpv4 | kHashUdp4, .key = key});
  EXPECT_EQ(hash.value, 0x323e8fc2u);
  EXPECT_EQ(hash.report, 1);
  EXPECT_EQ(hash_of(frame, {.types = kHashUdp4, .key = key}).report, 0);
  EXPECT_EQ(
      hash_of(make_frame({.ipv6 = true, .tcp = false}), {.types = kHashTypes, .key = key}).report,
      6);
}

TEST(NetHash, LooksIntoVxlanWhereItIsEnabled) {
  const HashSettings outside = {.types = kHashIpv4 | kHashIpv6,
                                .key = std::vector<std::uint8_t>(40, 0x5a)};
  HashSettings inside = outside;
  inside.tunnels = kTunnelTypes;
  const Frame inner = make_frame({.ipv6 = true});
  const auto wrapped = [&](std::uint16_t port, std::size_t vxlan) {
    Frame frame = make_frame({.tcp = false, .destination_port = port, .payload = vxlan});
    if (vxlan == 8) frame.insert(frame.end(), inner.begin(), inner.end());
    return frame;
  };
  EXPECT_EQ(hash_of(wrapped(4789, 8), outside).report, 1);
  EXPECT_EQ(hash_of(wrapped(4789, 8), inside).report, 4);
  EXPECT_EQ(hash_of(wrapped(4789, 8), inside).value, hash_of(inner, outside).value);
  EXPECT_EQ(hash_of(wrapped(4790, 8), inside).report, 1) << "another port";
  EXPECT_EQ(hash_of(wrapped(4789, 7), inside).report, 1) << "no room for a tunnel's header";
}

}  // namespace
}  // namespace hypervet::devices::net
