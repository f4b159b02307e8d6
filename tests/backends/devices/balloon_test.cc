// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/balloon.h"

#include <gtest/gtest.h>

#include "backends/devices/little_endian.h"
#include "tests/backends/devices/device_driver.h"

namespace hypervet::devices {
namespace {

using test::Bytes;
using test::DeviceDriver;

constexpr std::uint64_t kAll = 0x3f;

Bytes numbers(const std::vector<std::uint32_t>& values) {
  Bytes bytes(4 * values.size());
  for (std::size_t i = 0; i < values.size(); ++i) store_le(std::span(bytes), 4 * i, values[i]);
  return bytes;
}

Bytes statistics(const std::vector<std::pair<std::uint16_t, std::uint64_t>>& entries) {
  Bytes bytes(10 * entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    store_le(std::span(bytes), 10 * i, entries[i].first);
    store_le(std::span(bytes), 10 * i + 2, entries[i].second);
  }
  return bytes;
}

std::uint64_t count(DeviceDriver& host, std::uint64_t set) {
  return host.act("balloon-pages", {set}).result;
}

TEST(Balloon, InflatesAndDeflates) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  host.submit(0, {numbers({1, 2, 3}), numbers({3, 100})});
  EXPECT_EQ(host.used(0).written, 0u);
  EXPECT_EQ(count(host, 0), 4u);
  host.submit(1, {numbers({2, 77})});
  EXPECT_EQ(host.used(1).written, 0u);
  EXPECT_EQ(count(host, 0), 3u);
  host.submit(0, {numbers({0xffff'ffff}), Bytes(3)});
  EXPECT_EQ(count(host, 0), 3u) << "no RAM is there";
}

TEST(Balloon, ConfigurationIsTheDriversWhereTheTextSaysSo) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  EXPECT_TRUE(host.act("balloon-target", {300}).done);
  EXPECT_FALSE(host.act("balloon-target", {std::uint64_t{1} << 32}).done);
  EXPECT_EQ(host.machine.config_changes, 1u);
  balloon.write_config(0, Bytes(16, 0x11));
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 0), 300u);
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 4), 0x1111'1111u);
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 8), 0u);
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 12), 0x1111'1111u);
  host.restart(kAll & ~bit(Balloon::kPagePoison));
  balloon.write_config(12, Bytes(8, 0x22));
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 12), 0u) << "not negotiated";
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 0), 300u) << "the host's wish stays";
}

TEST(Balloon, StatisticsComeWhenAskedFor) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  EXPECT_EQ(host.act("balloon-request-statistics").result, 0u);
  host.submit(2, {statistics({{77, 0}})});
  EXPECT_TRUE(host.idle(2)) << "retained";
  EXPECT_EQ(host.act("balloon-request-statistics").result, 1u);
  EXPECT_EQ(host.used(2).written, 0u);
  host.submit(2, {statistics({{9, 7}, {0x1234, 1}, {4, ~std::uint64_t{5}}, {0, 3}}), Bytes(9)});
  EXPECT_EQ(host.act("balloon-statistic", {9}).result, 7u);
  EXPECT_EQ(host.act("balloon-statistic", {4}).result, ~std::uint64_t{5});
  EXPECT_EQ(host.act("balloon-statistic", {0}).result, 3u);
  EXPECT_EQ(host.act("balloon-statistic", {1}).result, ~std::uint64_t{0});
  EXPECT_FALSE(host.act("balloon-statistic", {10}).done);
  host.submit(2, {statistics({{0, 4}})});
  EXPECT_EQ(host.used(2).written, 0u) << "the older of two goes back";
  EXPECT_EQ(host.waiting(2), 1u);
  host.reset_queue(2);
  EXPECT_EQ(host.act("balloon-request-statistics").result, 0u);
}

TEST(Balloon, HintsCountUnderTheCurrentCommandOnly) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  host.submit_segments(3, {}, {{0x10000, 0x4000}});
  EXPECT_EQ(host.used(3).written, 0u);
  EXPECT_EQ(count(host, 1), 0u);
  const std::uint64_t first = host.act("balloon-hint", {2}).result;
  EXPECT_GE(first, 2u);
  EXPECT_EQ(load_le<std::uint32_t>(balloon.config(), 8), first);
  host.submit(3, {numbers({static_cast<std::uint32_t>(first)})});
  host.submit_segments(3, {},
                       {{0x10000, 0x4000}, {0x20800, 0x1800}, {0x30000, 0xfff}, {~0ull, 0xffff}});
  EXPECT_EQ(count(host, 1), 5u);
  const std::uint64_t second = host.act("balloon-hint", {2}).result;
  EXPECT_NE(first, second);
  host.submit_segments(3, {}, {{0x90000, 0x1000}});
  EXPECT_EQ(count(host, 1), 5u) << "under the old command";
  host.act("balloon-hint", {0});
  host.submit(3, {numbers({0})});
  host.submit_segments(3, {}, {{0x90000, 0x1000}});
  EXPECT_EQ(count(host, 1), 5u);
  EXPECT_EQ(host.act("balloon-hint", {1}).result, 1u);
  EXPECT_EQ(count(host, 1), 0u) << "done: the guest has them back";
  EXPECT_FALSE(host.act("balloon-hint", {3}).done);
}

TEST(Balloon, ReportedPagesAreCountedAndLeftAlone) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  host.machine.memory.fill(0x100000, 1, 0x5a);
  host.submit_segments(4, {}, {{0x100000, 0x200000}});
  EXPECT_EQ(host.used(4).written, 0u);
  EXPECT_EQ(count(host, 2), 512u);
  EXPECT_EQ(host.machine.memory.bytes(0x100000, 1)[0], 0x5a);
}

TEST(Balloon, QueuesOfFeaturesThatAreNotNegotiatedDoNotExist) {
  Balloon balloon;
  DeviceDriver host(balloon, 0);
  host.submit(2, {statistics({{0, 1}})});
  host.submit_segments(3, {}, {{0x1000, 0x1000}});
  host.submit_segments(4, {}, {{0x1000, 0x1000}});
  EXPECT_EQ(host.waiting(2) + host.waiting(3), 2u);
  EXPECT_EQ(count(host, 2), 0u);
  EXPECT_FALSE(host.act("balloon-hint", {2}).done);
}

TEST(Balloon, ABufferOutsideMemoryNeedsAReset) {
  Balloon balloon;
  DeviceDriver host(balloon, kAll);
  host.submit_segments(0, {{std::uint64_t{1} << 50, 0x8000'0000}}, {});
  EXPECT_TRUE(host.broken());
  host.restart(kAll);
  host.submit(0, {numbers({5})});
  EXPECT_EQ(count(host, 0), 1u);
}

}  // namespace
}  // namespace hypervet::devices
