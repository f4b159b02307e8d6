// SPDX-License-Identifier: Apache-2.0
// What the network device counts, and how it answers for it.
#include "backends/devices/net_statistics.h"

#include <gtest/gtest.h>

#include "backends/devices/net_features.h"
#include "tests/backends/devices/net_driver.h"

namespace hypervet::devices::net {
namespace {

using test::Bytes;
constexpr unsigned kControlQueue = 2;
constexpr std::uint64_t kBoth = bits(kCsum, kGuestCsum);

Bytes entry(unsigned queue, std::uint64_t types) {
  Bytes bytes(16);
  store_le(std::span(bytes), 0, static_cast<std::uint16_t>(queue));
  store_le(std::span(bytes), 8, types);
  return bytes;
}

std::uint64_t counter(const Bytes& reply, std::size_t index) {
  return load_le<std::uint64_t>(reply, 8 + 8 * index);
}

TEST(NetStatistics, ChecksumsAreCountedByKind) {
  Statistics statistics(3);
  const Frame good = make_frame({}), bad = with_pseudo_sum(good);
  Frame no_ip = good;
  no_ip[12] = 0x88;
  Frame unsummed = make_frame({.tcp = false});
  unsummed[40] = unsummed[41] = 0;
  statistics.received(0, {.flags = kDataValid}, good);
  for (int i = 0; i < 2; ++i) statistics.received(0, {.flags = kNeedsCsum}, bad);
  for (int i = 0; i < 3; ++i) statistics.received(0, {}, bad);
  for (const Frame& each : {good, no_ip, unsummed, no_ip}) statistics.received(0, {}, each);
  const auto reply =
      statistics.reply(entry(0, bit(Statistics::kReceiveCsum)), kControlQueue, kBoth);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->size(), 40u);
  EXPECT_EQ(Bytes(reply->begin(), reply->begin() + 8), (Bytes{1, 0, 0, 0, 0, 0, 40, 0}));
  EXPECT_EQ(counter(*reply, 0), 1u) << "valid";
  EXPECT_EQ(counter(*reply, 1), 2u) << "partial";
  EXPECT_EQ(counter(*reply, 2), 4u) << "not looked at";
  EXPECT_EQ(counter(*reply, 3), 3u) << "bad";
}

TEST(NetStatistics, SeveralQueuesInOneReply) {
  Statistics statistics(3);
  statistics.sent(1, true);
  statistics.command(kControlQueue);
  Bytes request = entry(1, bit(Statistics::kTransmitCsum));
  const Bytes second = entry(kControlQueue, bit(Statistics::kControl));
  request.insert(request.end(), second.begin(), second.end());
  const auto reply = statistics.reply(request, kControlQueue, kBoth);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->size(), 48u);
  EXPECT_EQ(counter(*reply, 1), 1u) << "to complete";
  const Bytes control(reply->begin() + 24, reply->end());
  EXPECT_EQ(control[0], 32);
  EXPECT_EQ(control[2], kControlQueue);
  EXPECT_EQ(counter(control, 0), 1u);
  EXPECT_EQ(counter(control, 1), 1u) << "the command that asks will be done";
}

TEST(NetStatistics, OneMistakeRefusesAll) {
  const Statistics statistics(3);
  const auto refused = [&](const Bytes& request, std::uint64_t features = kBoth) {
    return !statistics.reply(request, kControlQueue, features);
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused(Bytes(15)));
  EXPECT_TRUE(refused(entry(3, bit(Statistics::kControl))));
  EXPECT_TRUE(refused(entry(kControlQueue, 1)));
  EXPECT_TRUE(refused(entry(0, bit(Statistics::kTransmitCsum))));
  EXPECT_TRUE(refused(entry(0, bit(Statistics::kReceiveCsum)), bit(kCsum)));
  EXPECT_TRUE(refused(entry(1, bit(Statistics::kTransmitCsum)), bit(kGuestCsum)));
  Bytes request = entry(1, bit(Statistics::kTransmitCsum));
  EXPECT_FALSE(refused(request));
  const Bytes wrong = entry(0, 1);
  request.insert(request.end(), wrong.begin(), wrong.end());
  EXPECT_TRUE(refused(request));
}

TEST(NetStatistics, CommandsGetThem) {
  NetDriver driver(bits(kMac, kCtrlVq, kDeviceStats));
  Bytes got;
  EXPECT_EQ(driver.command(8, 0, {}, &got), 0);
  EXPECT_EQ(load_le<std::uint64_t>(got), Statistics::kSupported);
  EXPECT_EQ(driver.command(8, 2, {}), 1);
  EXPECT_EQ(driver.command(8, 1, entry(2, bit(Statistics::kControl)), &got), 0);
  EXPECT_EQ(got, (Bytes{32, 0, 2, 0, 0, 0, 24, 0})) << "as much as there is room for";
}

}  // namespace
}  // namespace hypervet::devices::net
