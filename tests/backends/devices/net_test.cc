// SPDX-License-Identifier: Apache-2.0
// The network device without its control queue.
#include "backends/devices/net.h"

#include <gtest/gtest.h>

#include "tests/backends/devices/net_driver.h"

namespace hypervet::devices {
namespace {

using namespace net;

TEST(Net, SaysWhatItIs) {
  NetDriver driver(kOffered);
  const auto config = driver.net.config();
  EXPECT_TRUE(std::ranges::equal(config.first(6), Net::kMacAddress));
  EXPECT_EQ(load_le<std::uint16_t>(config, 6), 1) << "link up";
  EXPECT_EQ(load_le<std::uint16_t>(config, 8), 2);
  EXPECT_EQ(load_le<std::uint16_t>(config, 10), 1500);
  EXPECT_TRUE(driver.net.accepts(kOffered));
  EXPECT_TRUE(driver.net.accepts(0));
  EXPECT_FALSE(driver.net.accepts(bit(kMq)));
  EXPECT_FALSE(driver.net.accepts(bits(kHostEcn, kCsum)));
  EXPECT_TRUE(driver.net.accepts(bits(kHostEcn, kHostTso6, kCsum)));
  EXPECT_FALSE(driver.net.accepts(bit(kGuestUso4)));
}

TEST(Net, WhatIsSentIsOnTheWireAndComesBackIfItIsForTheDevice) {
  NetDriver driver(bits(kMac, kCtrlVq, kCtrlRx));
  const Frame own = make_frame({.to = Net::kMacAddress});
  const Frame other = make_frame({.to = kOtherMac});
  driver.send({}, other);
  EXPECT_EQ(driver.host.used(1).written, 0u);
  driver.send({}, own);
  EXPECT_EQ(driver.wire(), other);
  EXPECT_EQ(driver.wire(), own);
  EXPECT_TRUE(driver.wire().empty());
  const auto got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->frame, own);
  EXPECT_EQ(got->header.num_buffers, 1);
  EXPECT_EQ(got->header.flags, 0);
  EXPECT_EQ(got->header.gso_type, kGsoNone);
  EXPECT_FALSE(driver.receive()) << "the other one is not for this device";
  EXPECT_TRUE(driver.host.act("loopback", {0}).done);
  driver.send({}, own);
  EXPECT_FALSE(driver.receive());
}

TEST(Net, FilterWithoutRequests) {
  NetDriver driver(bits(kMac, kCtrlVq, kCtrlRx));
  EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress})));
  EXPECT_TRUE(driver.hand_in(make_frame({.to = kBroadcastMac})));
  EXPECT_FALSE(driver.hand_in(make_frame({.to = kGroupMac})));
  EXPECT_FALSE(driver.hand_in(make_frame({.to = kOtherMac})));
  EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress, .vlan = 7})));
  NetDriver simple(0);
  EXPECT_TRUE(simple.hand_in(make_frame({.to = kOtherMac}))) << "its address is its own secret";
  EXPECT_TRUE(simple.hand_in(make_frame({.to = kGroupMac})));
}

TEST(Net, LinkDownLosesFramesAndIsTold) {
  NetDriver driver(bits(kMac, kStatus));
  driver.host.act("link", {0});
  EXPECT_EQ(driver.host.machine.config_changes, 1u);
  EXPECT_EQ(load_le<std::uint16_t>(driver.net.config(), 6), 0);
  driver.send({}, make_frame({.to = kOtherMac}));
  EXPECT_EQ(driver.host.used(1).written, 0u);
  EXPECT_TRUE(driver.wire().empty());
  EXPECT_FALSE(driver.hand_in(make_frame({.to = Net::kMacAddress})));
  driver.host.act("link", {1});
  driver.host.act("link", {1});
  EXPECT_EQ(driver.host.machine.config_changes, 2u);
  EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress})));
}

TEST(Net, FramesWaitForBuffersAndAreBounded) {
  NetDriver driver(bit(kMac));
  for (std::size_t i = 0; i < Net::kMaxFrames; ++i)
    EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress, .payload = i})));
  EXPECT_FALSE(driver.hand_in(make_frame({.to = Net::kMacAddress})));
  for (std::size_t i = 0; i < Net::kMaxFrames; ++i) {
    const auto got = driver.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->frame, make_frame({.to = Net::kMacAddress, .payload = i}));
  }
}

TEST(Net, MergesBuffersAndFillsAllButTheLast) {
  NetDriver driver(bits(kMac, kMrgRxbuf));
  const Frame frame = make_frame({.to = Net::kMacAddress, .payload = 500});
  driver.host.submit(0, {}, {100, 100});
  driver.host.submit_segments(0, {}, {{0x1000, 0}});
  driver.host.submit(0, {}, {50});
  EXPECT_TRUE(driver.hand_in(frame));
  EXPECT_TRUE(driver.host.idle(0)) << "not enough yet";
  driver.host.submit(0, {}, {1000});
  EXPECT_EQ(driver.host.machine.interrupts[0], 1u) << "all in one step";
  Bytes all;
  for (const std::uint32_t size : {200u, 0u, 50u, 12u + 554u - 250u}) {
    const auto used = driver.host.used(0);
    EXPECT_EQ(used.written, size);
    all.insert(all.end(), used.bytes.begin(), used.bytes.end());
  }
  EXPECT_EQ(load_le<std::uint16_t>(all, 10), 4);
  EXPECT_TRUE(std::ranges::equal(std::span(all).subspan(12), frame));
}

TEST(Net, AFrameThatDoesNotFitIsDroppedAndTheBufferStays) {
  NetDriver driver(bit(kMac));
  driver.host.submit(0, {}, {12 + 60});
  EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress, .payload = 100})));
  EXPECT_TRUE(driver.host.idle(0));
  const Frame small = make_frame({.to = Net::kMacAddress, .payload = 6});
  EXPECT_TRUE(driver.hand_in(small));
  EXPECT_EQ(driver.host.used(0).written, 72u);
}

TEST(Net, MtuHolds) {
  NetDriver driver(bits(kMac, kMtu));
  const Frame largest = make_frame({.to = Net::kMacAddress, .payload = 1460});
  ASSERT_EQ(largest.size(), 1514u);
  EXPECT_TRUE(driver.hand_in(largest));
  EXPECT_FALSE(driver.hand_in(make_frame({.to = Net::kMacAddress, .payload = 1461})));
  EXPECT_TRUE(driver.hand_in(make_frame({.to = Net::kMacAddress, .vlan = 1, .payload = 1460})));
  driver.send({}, largest);
  EXPECT_EQ(driver.wire(), largest);
  driver.send({}, make_frame({.to = kOtherMac, .payload = 1461}));
  EXPECT_TRUE(driver.wire().empty());
}

TEST(Net, LargePacketsTellOfTheirSegments) {
  NetDriver driver(
      bits(kMac, kCsum, kHostTso4, kHostUfo, kGuestCsum, kGuestTso4, kGuestUfo, kRscExt));
  const Header tcp{.flags = kNeedsCsum,
                   .gso_type = kGsoTcp4,
                   .gso_size = 1000,
                   .csum_start = 34,
                   .csum_offset = 16};
  driver.send(tcp, with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 2001})));
  auto got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header.flags, kNeedsCsum | kRscInfo);
  EXPECT_EQ(got->header.csum_start, 3) << "segments";
  EXPECT_EQ(got->header.csum_offset, 0) << "acknowledgements that came twice";
  Header udp = tcp;
  udp.gso_type = kGsoUdp;
  udp.csum_offset = 6;
  const FrameShape datagram = {.to = Net::kMacAddress, .tcp = false, .payload = 2001};
  driver.send(udp, with_pseudo_sum(make_frame(datagram)));
  got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header.csum_start, 0) << "no segments of TCP";
  driver.hand_in(make_frame({.to = Net::kMacAddress}));
  EXPECT_EQ(driver.receive()->header.flags, kDataValid);
}

TEST(Net, ChecksumIsCompletedOnlyWhenAsked) {
  NetDriver driver(bits(kMac, kCsum));
  const Frame whole = make_frame({.to = Net::kMacAddress});
  const Frame partial = with_pseudo_sum(whole);
  const Header asks{.flags = kNeedsCsum, .csum_start = 34, .csum_offset = 16};
  driver.send(asks, partial);
  EXPECT_EQ(driver.wire(), whole);
  EXPECT_EQ(driver.receive()->frame, whole) << "this driver takes no partial ones";
  Header silent = asks;
  silent.flags = 0x50;  // unknown bits are ignored
  driver.send(silent, partial);
  EXPECT_EQ(driver.wire(), partial);
  Header outside = asks;
  outside.csum_start = 1000;
  driver.send(outside, partial);
  EXPECT_TRUE(driver.wire().empty());
  NetDriver without(bit(kMac));
  without.send(asks, partial);
  EXPECT_EQ(without.wire(), partial) << "not negotiated";
}

TEST(Net, PartialChecksumsAndValidOnesAreSaid) {
  NetDriver driver(bits(kMac, kCsum, kGuestCsum));
  const Frame whole = make_frame({.to = Net::kMacAddress});
  Frame partial = with_pseudo_sum(whole);
  driver.send({.flags = kNeedsCsum, .csum_start = 34, .csum_offset = 16}, partial);
  auto got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header.flags, kNeedsCsum);
  EXPECT_EQ(got->header.csum_start, 34);
  EXPECT_EQ(got->header.csum_offset, 16);
  EXPECT_EQ(got->frame, partial);
  driver.hand_in(whole);
  EXPECT_EQ(driver.receive()->header.flags, kDataValid);
  driver.hand_in(partial);
  EXPECT_EQ(driver.receive()->header.flags, 0) << "wrong";
  // Started elsewhere than at a transport header: completed, and no more is said of it.
  driver.send({.flags = kNeedsCsum, .csum_start = 40, .csum_offset = 2}, whole);
  got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header.flags & kNeedsCsum, 0);
}

constexpr std::uint64_t kSends = bits(kMac, kCsum, kHostTso4, kHostUso);

TEST(Net, LargePacketsAreCut) {
  NetDriver driver(kSends);
  const Frame packet = with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 3000}));
  Header header{.flags = kNeedsCsum,
                .gso_type = kGsoTcp4,
                .hdr_len = 1,  // a hint, and a wrong one
                .gso_size = 1460,
                .csum_start = 34,
                .csum_offset = 16};
  driver.send(header, packet);
  for (const std::size_t size : {1514u, 1514u, 54u + 80u}) {
    const Frame one = driver.wire();
    EXPECT_EQ(one.size(), size);
    EXPECT_TRUE(checksum_valid(one, layers_of(one)));
    EXPECT_EQ(driver.receive()->frame, one);
  }
  header.gso_size = 1461;
  driver.send(header, packet);
  EXPECT_TRUE(driver.wire().empty()) << "beyond the MTU";
  header.gso_size = 1000;
  for (const std::uint8_t type : {kGsoTcp6, kGsoUdp, std::uint8_t(kGsoTcp4 | kGsoEcn),
                                  std::uint8_t(kGsoTcp4 | kGsoTunnel4), std::uint8_t{0x60}}) {
    header.gso_type = type;
    driver.send(header, packet);
    EXPECT_TRUE(driver.wire().empty()) << int{type};
  }
  header.gso_type = kGsoTcp4;
  header.flags = 0;
  driver.send(header, packet);
  header.flags = kNeedsCsum | kUdpTunnelCsum;
  driver.send(header, packet);
  EXPECT_TRUE(driver.wire().empty());
}

TEST(Net, LargePacketsReachADriverThatTakesThem) {
  NetDriver driver(kSends | bits(kGuestCsum, kGuestTso4, kMrgRxbuf));
  const Frame packet = with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 3000}));
  const Header header{.flags = kNeedsCsum,
                      .gso_type = kGsoTcp4,
                      .gso_size = 1460,
                      .csum_start = 34,
                      .csum_offset = 16};
  driver.send(header, packet);
  const auto got = driver.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->frame, packet);
  EXPECT_EQ(got->header.gso_type, kGsoTcp4);
  EXPECT_EQ(got->header.gso_size, 1460);
  EXPECT_EQ(got->header.flags, kNeedsCsum);
  EXPECT_EQ(got->header.hdr_len, 54);
  driver.hand_in(make_frame({.to = Net::kMacAddress, .ipv6 = true}));
  EXPECT_EQ(driver.receive()->header.hdr_len, 74);
}

TEST(Net, CongestionIsSaidToADriverThatCanHearIt) {
  const Frame packet =
      with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 3000, .tcp_flags = 0x90}));
  const Header header{.flags = kNeedsCsum,
                      .gso_type = kGsoTcp4,
                      .gso_size = 1460,
                      .csum_start = 34,
                      .csum_offset = 16};
  NetDriver deaf(kSends | bits(kGuestCsum, kGuestTso4));
  deaf.send(header, packet);
  EXPECT_EQ(deaf.receive()->header.gso_type, kGsoNone);
  NetDriver driver(kSends | bits(kGuestCsum, kGuestTso4, kGuestEcn));
  driver.send(header, packet);
  EXPECT_EQ(driver.receive()->header.gso_type, kGsoTcp4 | kGsoEcn);
}

TEST(Net, NonsenseIsUsedAndLost) {
  NetDriver driver(kSends);
  driver.host.submit(1, {Bytes(25)});
  driver.host.submit(1, {}, {64});
  driver.host.submit(1, {Bytes(70'000)});
  EXPECT_EQ(driver.host.done(1), 3u);
  EXPECT_FALSE(driver.host.broken());
  EXPECT_TRUE(driver.wire().empty());
  driver.host.submit_segments(1, {{std::uint64_t{1} << 40, 100}}, {});
  EXPECT_TRUE(driver.host.broken());
}

}  // namespace
}  // namespace hypervet::devices
