// SPDX-License-Identifier: Apache-2.0
// The control queue of the network device, multiqueue, and what the switches break.
#include <gtest/gtest.h>

#include "backends/devices/net.h"
#include "tests/backends/devices/net_driver.h"

namespace hypervet::devices {
namespace {

using namespace net;

constexpr int kOk = 0, kError = 1;
constexpr std::uint64_t kFilters = bits(kMac, kCtrlVq, kCtrlRx, kCtrlRxExtra, kCtrlMacAddr);

Bytes le16(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) {
    bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  return bytes;
}

Bytes le64(std::uint64_t value) {
  Bytes bytes(8);
  store_le(std::span(bytes), 0, value);
  return bytes;
}

bool gets(NetDriver& driver, const MacAddress& to, int vlan = -1) {
  return driver.hand_in(make_frame({.to = to, .vlan = vlan}));
}

TEST(NetControl, ReceiveModes) {
  NetDriver driver(kFilters);
  const auto set = [&](std::uint8_t mode, std::uint8_t on) {
    EXPECT_EQ(driver.command(0, mode, {on}), kOk);
  };
  set(1, 1);
  EXPECT_TRUE(gets(driver, kGroupMac));
  set(3, 1);
  EXPECT_FALSE(gets(driver, kGroupMac)) << "NOMULTI beats ALLMULTI";
  EXPECT_TRUE(gets(driver, kBroadcastMac)) << "which is not of its matter";
  set(2, 1);
  EXPECT_TRUE(gets(driver, kOtherMac));
  set(4, 1);
  EXPECT_FALSE(gets(driver, kOtherMac));
  EXPECT_FALSE(gets(driver, Net::kMacAddress));
  set(5, 1);
  EXPECT_FALSE(gets(driver, kBroadcastMac));
  set(0, 1);
  for (const MacAddress& each : {kGroupMac, kOtherMac, kBroadcastMac})
    EXPECT_TRUE(gets(driver, each)) << "promiscuous beats them all";
  set(0, 0);
  EXPECT_FALSE(gets(driver, kBroadcastMac));
  EXPECT_EQ(driver.command(0, 6, {1}), kError);
  EXPECT_EQ(driver.command(0, 0, {2}), kError);
  EXPECT_EQ(driver.command(0, 0, {}), kError);
  NetDriver plain(bits(kMac, kCtrlVq, kCtrlRx));
  EXPECT_EQ(plain.command(0, 2, {1}), kError) << "CTRL_RX_EXTRA was not negotiated";
}

TEST(NetControl, MacTablesAndAddress) {
  NetDriver driver(kFilters);
  Bytes tables = {1, 0, 0, 0};
  tables.insert(tables.end(), kOtherMac.begin(), kOtherMac.end());
  tables.insert(tables.end(), {1, 0, 0, 0});
  tables.insert(tables.end(), kGroupMac.begin(), kGroupMac.end());
  EXPECT_EQ(driver.command(1, 0, tables), kOk);
  EXPECT_TRUE(gets(driver, kOtherMac));
  EXPECT_TRUE(gets(driver, kGroupMac));
  EXPECT_FALSE(gets(driver, {2, 0, 0, 0, 0, 1}));
  tables.pop_back();
  EXPECT_EQ(driver.command(1, 0, tables), kError);
  EXPECT_EQ(driver.command(1, 0, {0xff, 0xff, 0xff, 0xff}), kError);
  EXPECT_TRUE(gets(driver, kOtherMac)) << "as before";
  Bytes many = {0, 0, 0, 0, 65, 0, 0, 0};
  many.resize(8 + 65 * 6);
  EXPECT_EQ(driver.command(1, 0, many), kOk);
  EXPECT_TRUE(gets(driver, kGroupMac)) << "too many: all of them";
  EXPECT_FALSE(gets(driver, kOtherMac));

  EXPECT_EQ(driver.command(1, 1, Bytes(kOtherMac.begin(), kOtherMac.end())), kOk);
  EXPECT_TRUE(std::ranges::equal(driver.net.config().first(6), kOtherMac));
  EXPECT_TRUE(gets(driver, kOtherMac));
  EXPECT_FALSE(gets(driver, Net::kMacAddress));
  driver.host.restart(kFilters);
  EXPECT_TRUE(std::ranges::equal(driver.net.config().first(6), Net::kMacAddress));
  EXPECT_FALSE(gets(driver, kGroupMac)) << "the table is empty on reset";
}

TEST(NetControl, VlanTable) {
  NetDriver driver(kFilters | bit(kCtrlVlan));
  EXPECT_FALSE(gets(driver, Net::kMacAddress, 7));
  EXPECT_TRUE(gets(driver, Net::kMacAddress));
  EXPECT_EQ(driver.command(2, 0, le16({7})), kOk);
  EXPECT_TRUE(gets(driver, Net::kMacAddress, 7));
  EXPECT_FALSE(gets(driver, Net::kMacAddress, 8));
  EXPECT_EQ(driver.command(2, 1, le16({7})), kOk);
  EXPECT_FALSE(gets(driver, Net::kMacAddress, 7));
  EXPECT_EQ(driver.command(2, 0, le16({4096})), kError);
}

TEST(NetControl, AnnouncementIsAcknowledged) {
  NetDriver driver(bits(kMac, kStatus, kCtrlVq, kGuestAnnounce));
  EXPECT_TRUE(driver.host.act("announce").done);
  EXPECT_EQ(load_le<std::uint16_t>(driver.net.config(), 6), 3);
  EXPECT_EQ(driver.command(3, 0, {}), kOk);
  EXPECT_EQ(load_le<std::uint16_t>(driver.net.config(), 6), 1);
  EXPECT_FALSE(NetDriver(bit(kMac)).host.act("announce").done);
}

TEST(NetControl, CommandsOfNoFeatureAndWithoutAnswerRoom) {
  NetDriver driver(bits(kMac, kCtrlVq));
  EXPECT_EQ(driver.command(0, 0, {1}), kError);
  EXPECT_EQ(driver.command(99, 0, {1}), kError);
  driver.host.submit(2, {{0, 0, 1}});
  EXPECT_EQ(driver.host.used(2).written, 0u);
  driver.host.submit(2, {{0}}, {1});
  EXPECT_EQ(driver.host.used(2).bytes, Bytes{kError});
  driver.host.submit(2, {Bytes(70'000)}, {1});
  EXPECT_EQ(driver.host.used(2).bytes, Bytes{kError});
  EXPECT_FALSE(driver.host.broken());
}

constexpr std::uint64_t kMulti = bits(kMac, kCtrlVq, kMq);

TEST(NetMultiqueue, FlowsFollowTheirTransmitQueue) {
  NetDriver driver(kMulti, 3);
  driver.host.act("loopback", {0});
  const Frame out = make_frame({.to = kOtherMac, .source_port = 10, .destination_port = 20});
  Frame in = make_frame({.to = Net::kMacAddress, .source_port = 20, .destination_port = 10});
  for (std::size_t i = 0; i < 4; ++i) std::swap(in[26 + i], in[30 + i]);
  driver.send({}, out, 2);
  EXPECT_TRUE(driver.host.idle(5)) << "a queue that is not in use is not served";
  EXPECT_EQ(driver.command(4, 0, le16({3})), kOk);
  EXPECT_EQ(driver.host.used(5).written, 0u) << "now it is";
  EXPECT_EQ(driver.wire(), out);
  driver.hand_in(in);
  EXPECT_FALSE(driver.receive(0));
  EXPECT_EQ(driver.receive(2)->frame, in);
  driver.host.reset_queue(4);
  driver.hand_in(in);
  EXPECT_TRUE(driver.receive(0)) << "another queue while it is being reset";
  driver.host.machine.enable_queue(4);
  EXPECT_EQ(driver.command(4, 0, le16({1})), kOk);
  driver.hand_in(in);
  EXPECT_TRUE(driver.receive(0));
  EXPECT_EQ(driver.command(4, 0, le16({0})), kError);
  EXPECT_EQ(driver.command(4, 0, le16({4})), kError);
}

TEST(NetMultiqueue, TheIndirectionTableSteers) {
  NetDriver driver(bits(kMac, kCtrlVq, kRss, kHashReport), 2);
  Bytes config = {kHashTcp4, 0, 0, 0};
  const Bytes rest = le16({1, 1, 0, 0, 2});  // mask, unclassified, table of two, max_tx_vq
  config.insert(config.end(), rest.begin(), rest.end());
  config.push_back(40);
  config.resize(config.size() + 40, 0x80);
  EXPECT_EQ(driver.command(4, 1, config), kOk);
  const Frame tcp = make_frame({.to = Net::kMacAddress});
  const Frame udp = make_frame({.to = Net::kMacAddress, .tcp = false});
  driver.hand_in(tcp);
  auto got = driver.receive(0);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header.hash_report, 2);
  EXPECT_EQ(got->header.hash_value,
            hash_of(tcp, {.types = kHashTcp4, .key = Bytes(40, 0x80)}).value);
  driver.hand_in(udp);
  got = driver.receive(1);
  ASSERT_TRUE(got) << "unclassified";
  EXPECT_EQ(got->header.hash_report, 0);
  driver.host.reset_queue(2);
  driver.hand_in(udp);
  EXPECT_FALSE(driver.receive(0)) << "dropped";

  Bytes wrong = config;
  wrong[4] = 2;  // three entries
  EXPECT_EQ(driver.command(4, 1, wrong), kError);
  wrong = config;
  wrong[8] = 2;  // no such queue
  EXPECT_EQ(driver.command(4, 1, wrong), kError);
  wrong = config;
  wrong[1] = 1;  // a hash type that is not supported
  EXPECT_EQ(driver.command(4, 1, wrong), kError);
  wrong = config;
  wrong.pop_back();
  EXPECT_EQ(driver.command(4, 1, wrong), kError);
}

TEST(NetControl, HashesAreReportedAsConfigured) {
  NetDriver driver(bits(kMac, kCtrlVq, kMq, kHashReport));
  const Frame frame = make_frame({.to = Net::kMacAddress});
  driver.hand_in(frame);
  EXPECT_EQ(driver.receive()->header.hash_report, 0) << "all types are off";
  Bytes config = {kHashIpv4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff};
  EXPECT_EQ(driver.command(4, 2, config), kOk);
  driver.hand_in(frame);
  EXPECT_EQ(driver.receive()->header.hash_report, 1);
  config[4] = 1;
  EXPECT_EQ(driver.command(4, 2, config), kError);
}

TEST(NetControl, OffloadsAreSwitched) {
  NetDriver driver(
      bits(kMac, kCtrlVq, kCtrlGuestOffloads, kCsum, kHostTso4, kGuestCsum, kGuestTso4));
  const Frame packet = with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 3000}));
  const Header header{.flags = kNeedsCsum,
                      .gso_type = kGsoTcp4,
                      .gso_size = 1460,
                      .csum_start = 34,
                      .csum_offset = 16};
  driver.send(header, packet);  // waits, and is cut when the driver takes no large ones any more
  EXPECT_EQ(driver.command(5, 0, le64(bit(kGuestCsum))), kOk);
  for (int i = 0; i < 3; ++i) {
    const auto got = driver.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->header.gso_type, kGsoNone);
    EXPECT_EQ(got->header.flags, kDataValid);
  }
  EXPECT_EQ(driver.command(5, 0, le64(0)), kOk);
  driver.send(header, packet);
  EXPECT_EQ(driver.receive()->header.flags, 0);
  EXPECT_EQ(driver.command(5, 0, le64(bits(kGuestCsum, kGuestTso6))), kError);
}

TEST(NetControl, CoalescingIsKept) {
  NetDriver driver(bits(kMac, kCtrlVq, kMq, kNotfCoal, kVqNotfCoal), 2);
  const Bytes one = {1, 0, 0, 0, 2, 0, 0, 0}, two = {3, 0, 0, 0, 4, 0, 0, 0};
  EXPECT_EQ(driver.command(6, 1, one), kOk);
  Bytes set = le16({2, 0xffff});
  set.insert(set.end(), two.begin(), two.end());
  EXPECT_EQ(driver.command(6, 2, set), kOk);
  Bytes got;
  EXPECT_EQ(driver.command(6, 3, le16({0, 0}), &got), kOk);
  EXPECT_EQ(got, one);
  EXPECT_EQ(driver.command(6, 3, le16({2, 0}), &got), kOk);
  EXPECT_EQ(got, two);
  driver.host.reset_queue(2);
  driver.host.machine.enable_queue(2);
  driver.command(6, 3, le16({2, 0}), &got);
  EXPECT_EQ(got, one);
  driver.command(6, 3, le16({1, 0}), &got);
  EXPECT_EQ(got, Bytes(8));
  driver.host.reset_queue(2);
  EXPECT_EQ(driver.command(6, 3, le16({2, 0}), &got), kError);
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(driver.command(6, 2, set), kError);
  set[0] = 4;
  EXPECT_EQ(driver.command(6, 2, set), kError) << "the control queue";
}

}  // namespace
}  // namespace hypervet::devices
