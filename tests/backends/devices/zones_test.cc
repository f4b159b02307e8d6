// SPDX-License-Identifier: Apache-2.0
// The states of zones: what leads from one to another, and what a request may not do.
#include "backends/devices/zones.h"

#include <gtest/gtest.h>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

using Status = Zones::Status;
constexpr std::uint64_t kReadOnly = 6 * Zones::kSectors, kOffline = 7 * Zones::kSectors;
constexpr std::uint64_t start(unsigned zone) { return std::uint64_t{zone} * Zones::kSectors; }

struct Zoned {
  Disk disk{std::uint64_t{Zones::kCount} * Zones::kSectors};
  Zones zones;
  int state(unsigned zone) { return described(zone)[25]; }
  std::uint64_t pointer(unsigned zone) {
    const auto bytes = described(zone);
    return load_le<std::uint64_t>(bytes, 16);
  }
  std::array<std::uint8_t, Zones::kDescriptorSize> described(unsigned zone) {
    std::array<std::uint8_t, Zones::kDescriptorSize> bytes;
    zones.describe(zone, bytes);
    return bytes;
  }
};

TEST(Zones, AreDescribed) {
  Zoned z;
  auto zone = z.described(0);
  EXPECT_EQ(load_le<std::uint64_t>(zone, 0), 512u) << "capacity";
  EXPECT_EQ(zone[24], 1);
  EXPECT_EQ(zone[25], 0);
  zone = z.described(2);
  EXPECT_EQ(load_le<std::uint64_t>(zone, 0), 448u);
  EXPECT_EQ(load_le<std::uint64_t>(zone, 8), start(2));
  EXPECT_EQ(load_le<std::uint64_t>(zone, 16), start(2));
  EXPECT_EQ(zone[24], 2);
  EXPECT_EQ(zone[25], 1);
  EXPECT_EQ(z.state(6), 13);
  EXPECT_EQ(z.state(7), 15);
}

TEST(Zones, OpenCloseFinishReset) {
  Zoned z;
  EXPECT_EQ(z.zones.open(start(1)), Status::kOk);
  EXPECT_EQ(z.zones.open(start(1)), Status::kOk);
  EXPECT_EQ(z.state(1), 3);
  EXPECT_EQ(z.zones.close(start(1)), Status::kOk);
  EXPECT_EQ(z.state(1), 1) << "nothing was written";
  EXPECT_EQ(z.zones.close(start(1)), Status::kInvalid);
  EXPECT_EQ(z.zones.finish(start(1)), Status::kInvalid);
  EXPECT_EQ(z.zones.write(start(1), 3), Status::kOk);
  EXPECT_EQ(z.state(1), 2);
  EXPECT_EQ(z.pointer(1), start(1) + 3);
  EXPECT_EQ(z.zones.close(start(1)), Status::kOk);
  EXPECT_EQ(z.zones.close(start(1)), Status::kOk);
  EXPECT_EQ(z.state(1), 4);
  EXPECT_EQ(z.zones.open(start(1)), Status::kOk);
  EXPECT_EQ(z.zones.write(start(1) + 3, 1), Status::kOk);
  EXPECT_EQ(z.state(1), 3) << "a write does not make it less open";
  EXPECT_EQ(z.zones.finish(start(1)), Status::kOk);
  EXPECT_EQ(z.zones.finish(start(1)), Status::kOk);
  EXPECT_EQ(z.state(1), 14);
  EXPECT_EQ(z.zones.open(start(1)), Status::kInvalid);
  EXPECT_EQ(z.zones.write(start(1) + 4, 1), Status::kInvalid);
  EXPECT_EQ(z.zones.reset(start(1), z.disk), Status::kOk);
  EXPECT_EQ(z.state(1), 1);
  EXPECT_EQ(z.pointer(1), start(1));
}

TEST(Zones, OthersTakeNoCommands) {
  Zoned z;
  for (const std::uint64_t sector : {start(0), start(1) + 1, kReadOnly, kOffline, start(8)}) {
    EXPECT_EQ(z.zones.open(sector), Status::kInvalid);
    EXPECT_EQ(z.zones.close(sector), Status::kInvalid);
    EXPECT_EQ(z.zones.finish(sector), Status::kInvalid);
    EXPECT_EQ(z.zones.reset(sector, z.disk), Status::kInvalid);
  }
}

TEST(Zones, OpenAndActiveOnesAreLimited) {
  Zoned z;
  EXPECT_EQ(z.zones.open(start(1)), Status::kOk);
  EXPECT_EQ(z.zones.write(start(2), 1), Status::kOk);
  EXPECT_EQ(z.zones.open(start(3)), Status::kOpenResource);
  EXPECT_EQ(z.zones.write(start(3), 1), Status::kOpenResource);
  EXPECT_EQ(z.state(3), 1);
  EXPECT_EQ(z.zones.close(start(2)), Status::kOk);
  EXPECT_EQ(z.zones.open(start(3)), Status::kOk);
  EXPECT_EQ(z.zones.open(start(4)), Status::kActiveResource) << "before the open ones";
  EXPECT_EQ(z.zones.open(start(2)), Status::kOpenResource) << "it is active already";
  z.zones.reset_all(z.disk);
  for (unsigned zone = 1; zone < 6; ++zone) EXPECT_EQ(z.state(zone), 1);
  EXPECT_EQ(z.state(6), 13);
}

TEST(Zones, AreWrittenInSequence) {
  Zoned z;
  EXPECT_EQ(z.zones.write(start(1) + 1, 1), Status::kUnaligned);
  EXPECT_EQ(z.zones.write(start(1), Zones::kCapacity + 1), Status::kInvalid);
  EXPECT_EQ(z.zones.write(start(1), Zones::kSectors + 1), Status::kInvalid);
  EXPECT_EQ(z.zones.write(start(0) + 511, 2), Status::kInvalid) << "into the next zone";
  EXPECT_EQ(z.zones.write(start(0) + 100, 5), Status::kOk) << "conventional";
  EXPECT_EQ(z.zones.write(kReadOnly, 1), Status::kInvalid);
  EXPECT_EQ(z.zones.write(kOffline, 1), Status::kInvalid);
  EXPECT_EQ(z.zones.write(start(1), Zones::kCapacity), Status::kOk);
  EXPECT_EQ(z.state(1), 14);
  EXPECT_EQ(z.zones.read(start(1), 512), Status::kOk);
  EXPECT_EQ(z.zones.read(start(1) + 511, 2), Status::kInvalid);
  EXPECT_EQ(z.zones.read(kReadOnly, 1), Status::kOk);
  EXPECT_EQ(z.zones.read(kOffline, 1), Status::kInvalid);
}

TEST(Zones, AppendsTellWhere) {
  Zoned z;
  std::uint64_t at = start(1);
  EXPECT_EQ(z.zones.append(at, 2), Status::kOk);
  EXPECT_EQ(at, start(1));
  EXPECT_EQ(z.zones.append(at, Zones::kMaxAppend), Status::kOk);
  EXPECT_EQ(at, start(1) + 2);
  EXPECT_EQ(z.zones.append(at, 1), Status::kInvalid) << "no zone begins there";
  for (std::uint64_t other : {start(0), kReadOnly, kOffline})
    EXPECT_EQ(z.zones.append(other, 1), Status::kInvalid);
  at = start(1);
  EXPECT_EQ(z.zones.append(at, Zones::kMaxAppend + 1), Status::kInvalid);
  EXPECT_EQ(z.zones.append(at, 0), Status::kInvalid);
}

TEST(Zones, AResetLeavesNothingToRead) {
  Zoned z;
  const std::vector<std::uint8_t> data(512, 0x5a);
  EXPECT_EQ(z.zones.write(start(1), 1), Status::kOk);
  z.disk.write(start(1), data);
  EXPECT_EQ(z.zones.reset(start(1), z.disk), Status::kOk);
  std::vector<std::uint8_t> got(512);
  z.disk.read(start(1), got);
  EXPECT_NE(got, data);
}

}  // namespace
}  // namespace hypervet::devices
