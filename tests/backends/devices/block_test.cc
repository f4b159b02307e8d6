// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/block.h"

#include <gtest/gtest.h>

#include "backends/devices/little_endian.h"
#include "tests/backends/devices/fake_host.h"

namespace hypervet::devices {
namespace {

using test::FakeHost;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kIn = 0, kOut = 1, kFlush = 4, kGetId = 8, kLifetime = 10, kDiscard = 11,
                        kZeroes = 13, kErase = 14, kAppend = 15, kReport = 16, kOpen = 18;
constexpr int kOk = 0, kIoError = 1, kUnsupported = 2;

class BlockDevice : public testing::TestWithParam<bool> {
 protected:
  void make(BlockKind kind = BlockKind::kPlain, std::uint64_t features = ~std::uint64_t{0}) {
    device.emplace(kind);
    features &= device->own_features();
    host.emplace(*device, features | (GetParam() ? bit(kRingPacked) : 0), 64);
  }
  static Bytes header(std::uint32_t type, std::uint64_t sector) {
    Bytes bytes(16);
    store_le<std::uint32_t>(bytes, 0, type);
    store_le<std::uint64_t>(bytes, 8, sector);
    return bytes;
  }
  static Bytes range(std::uint64_t sector, std::uint32_t count, std::uint32_t flags) {
    Bytes bytes(16);
    store_le<std::uint64_t>(bytes, 0, sector);
    store_le<std::uint32_t>(bytes, 8, count);
    store_le<std::uint32_t>(bytes, 12, flags);
    return bytes;
  }
  // Answers the status byte, -1 if it was not written.
  int request(std::uint32_t type, std::uint64_t sector, const std::vector<Segment>& out,
              std::vector<Segment> in) {
    std::vector<Segment> readable = {host->piece(header(type, sector))};
    readable.insert(readable.end(), out.begin(), out.end());
    const Segment status = host->piece(Bytes{0xaa});
    in.push_back(status);
    host->ring(0).submit(readable, in);
    host->notify(0);
    const auto used = host->ring(0).take_used();
    EXPECT_TRUE(used);
    length = used ? used->length : 0;
    const int value = host->bytes(status)[0];
    return value == 0xaa ? -1 : value;
  }
  int change(std::uint32_t type, const Bytes& ranges) {
    return request(type, 0, {host->piece(ranges)}, {});
  }
  std::uint64_t word(const Segment& from, std::uint64_t at) {
    return load_le<std::uint64_t>(host->bytes(from), at * 8);
  }

  std::optional<Block> device;
  std::optional<FakeHost> host;
  std::uint32_t length = 0;
};
INSTANTIATE_TEST_SUITE_P(Rings, BlockDevice, testing::Bool());

TEST_P(BlockDevice, AFreshDiskHasThePatternEverywhere) {
  make();
  const Segment first = host->piece(512), second = host->piece(1024);
  EXPECT_EQ(request(kIn, 4093, {}, {first, second}), kOk);
  EXPECT_EQ(length, 1537u);
  EXPECT_EQ(word(first, 0), Disk::kPattern + 4093 * 64);
  EXPECT_EQ(word(second, 127), Disk::kPattern + 4096 * 64 - 1);
}

TEST_P(BlockDevice, WhatIsWrittenIsReadUntilPowerOn) {
  make();
  const Bytes data(1024, 0x5c);
  EXPECT_EQ(request(kOut, 7, {host->piece(data)}, {}), kOk);
  EXPECT_EQ(length, 1u);
  const Segment in = host->piece(1536);
  EXPECT_EQ(request(kIn, 7, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), 0x5c5c5c5c5c5c5c5cu);
  EXPECT_EQ(word(in, 128), Disk::kPattern + 9 * 64);
  host->restart(0);
  EXPECT_EQ(request(kIn, 7, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), 0x5c5c5c5c5c5c5c5cu);
  device->power_on();
  EXPECT_EQ(request(kIn, 7, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), Disk::kPattern + 7 * 64);
}

TEST_P(BlockDevice, RequestsBeyondTheCapacityFailAndChangeNothing) {
  make();
  const Segment in = host->piece(1024);
  for (const std::uint64_t sector : {4095ul, 4096ul, ~0ul, ~0ul / 512}) {
    EXPECT_EQ(request(kIn, sector, {}, {in}), kIoError);
    EXPECT_EQ(length, 0u);
    EXPECT_EQ(request(kOut, sector, {host->piece(Bytes(1024, 1))}, {}), kIoError);
    EXPECT_EQ(length, 1u);
  }
  EXPECT_EQ(host->bytes(in), Bytes(1024));
  EXPECT_EQ(request(kIn, 4094, {}, {in}), kOk);
  EXPECT_EQ(word(in, 127), Disk::kPattern + 4096 * 64 - 1);
}

TEST_P(BlockDevice, DataThatIsNoWholeSectorsOrNoRamFails) {
  make();
  EXPECT_EQ(request(kIn, 0, {}, {host->piece(100)}), kIoError);
  EXPECT_EQ(request(kOut, 0, {host->piece(Bytes(513))}, {}), kIoError);
  EXPECT_EQ(request(kIn, 0, {}, {{~std::uint64_t{0} - 700, 512}}), kIoError);
}

TEST_P(BlockDevice, AHeaderThatIsTooShortFailsAndNoRoomForAStatusIsGivenBack) {
  make();
  const Segment status = host->piece(Bytes{0xaa});
  host->ring(0).submit({host->piece(Bytes(15))}, {status});
  host->ring(0).submit({host->piece(header(kIn, 0))}, {});
  host->notify(0);
  EXPECT_EQ(host->ring(0).take_used()->length, 1u);
  EXPECT_EQ(host->bytes(status)[0], kIoError);
  EXPECT_EQ(host->ring(0).take_used()->length, 0u);
  EXPECT_EQ(host->resets_needed, 0u);
}

TEST_P(BlockDevice, FramingIsTheDrivers) {
  make();
  const Bytes head = header(kIn, 5);
  const Segment one = host->piece(Bytes(head.begin(), head.begin() + 3)),
                two = host->piece(Bytes(head.begin() + 3, head.end()));
  // Data and status in one piece.
  const Segment in = host->piece(513);
  host->ring(0).submit({one, two}, {{in.address, 1}, {in.address + 1, 512}});
  host->notify(0);
  EXPECT_EQ(host->ring(0).take_used()->length, 513u);
  EXPECT_EQ(word(in, 0), Disk::kPattern + 5 * 64);
  EXPECT_EQ(host->bytes(in)[512], kOk);
}

TEST_P(BlockDevice, FlushAndIdAndWhatNobodyKnows) {
  make();
  EXPECT_EQ(request(kFlush, 0, {}, {}), kOk);
  const Segment id = host->piece(20);
  EXPECT_EQ(request(kGetId, 0, {}, {id}), kOk);
  EXPECT_EQ(length, 21u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(host->bytes(id).data())), "hypervet-disk");
  for (const std::uint32_t type : {2u, 9u, 27u, 999u}) {
    EXPECT_EQ(request(type, 0, {}, {}), kUnsupported);
  }
  make(BlockKind::kPlain, 0);
  EXPECT_EQ(request(kFlush, 0, {}, {}), kUnsupported);
  EXPECT_EQ(change(kDiscard, range(0, 1, 0)), kUnsupported);
  EXPECT_EQ(change(kZeroes, range(0, 1, 0)), kUnsupported);
}

TEST_P(BlockDevice, RangesAreZeroedAllOrNone) {
  make();
  Bytes two = range(3, 2, 0);
  const Bytes more = range(9, 1, 1);
  two.insert(two.end(), more.begin(), more.end());
  EXPECT_EQ(change(kZeroes, two), kOk);
  const Segment in = host->piece(512);
  for (const unsigned sector : {3u, 4u, 9u}) {
    EXPECT_EQ(request(kIn, sector, {}, {in}), kOk);
    EXPECT_EQ(host->bytes(in), Bytes(512));
  }
  EXPECT_EQ(change(kDiscard, range(0, 1, 1)), kUnsupported);
  EXPECT_EQ(change(kZeroes, range(0, 1, 2)), kUnsupported);
  Bytes bad = range(20, 1, 0);
  const Bytes outside = range(4096, 1, 0);
  bad.insert(bad.end(), outside.begin(), outside.end());
  EXPECT_EQ(change(kDiscard, bad), kIoError);
  EXPECT_EQ(change(kDiscard, Bytes(15)), kIoError);
  EXPECT_EQ(change(kDiscard, range(0, 1025, 0)), kIoError);
  EXPECT_EQ(change(kDiscard, Bytes(16 * 5)), kIoError);
  EXPECT_EQ(request(kIn, 20, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), Disk::kPattern + 20 * 64);
}

TEST_P(BlockDevice, AReadOnlyDiskRefusesWrites) {
  make(BlockKind::kReadOnly);
  EXPECT_EQ(request(kOut, 0, {host->piece(Bytes(512, 1))}, {}), kIoError);
  const Segment in = host->piece(512);
  EXPECT_EQ(request(kIn, 0, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), Disk::kPattern);
}

TEST_P(BlockDevice, SegmentsLargerOrMoreThanAgreedFail) {
  make();
  EXPECT_EQ(request(kIn, 0, {}, {host->piece(0x1'0200)}), kIoError);
  make(BlockKind::kPlain, 0);
  EXPECT_EQ(request(kIn, 0, {}, {host->piece(0x1'0200)}), kOk);
}

TEST_P(BlockDevice, TheWritebackFieldFollowsWhatWasNegotiated) {
  make();
  EXPECT_EQ(device->config()[32], 1);
  device->write_config(32, Bytes{0});
  EXPECT_EQ(device->config()[32], 0);
  make(BlockKind::kPlain, bit(Block::kConfigWce));
  EXPECT_EQ(device->config()[32], 0);
  make(BlockKind::kPlain, bit(Block::kFlush));
  device->write_config(32, Bytes{0});
  EXPECT_EQ(device->config()[32], 1);
}

TEST_P(BlockDevice, ResizingTellsTheDriver) {
  make();
  EXPECT_FALSE(device->act("resize-disk", std::vector<std::uint64_t>{0}).done);
  EXPECT_FALSE(device->act("resize-disk", std::vector<std::uint64_t>{~0ul}).done);
  EXPECT_EQ(host->config_changes, 0u);
  EXPECT_TRUE(device->act("resize-disk", std::vector<std::uint64_t>{8192}).done);
  EXPECT_EQ(host->config_changes, 1u);
  EXPECT_EQ(load_le<std::uint64_t>(device->config()), 8192u);
  const Segment in = host->piece(512);
  EXPECT_EQ(request(kIn, 8191, {}, {in}), kOk);
}

TEST_P(BlockDevice, TellsOfItsLifetime) {
  make();
  const Segment life = host->piece(6);
  EXPECT_EQ(request(kLifetime, 0, {}, {life}), kOk);
  EXPECT_EQ(host->bytes(life), (Bytes{1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(request(kLifetime, 0, {}, {host->piece(7)}), kIoError);
  make(BlockKind::kPlain, ~bit(Block::kLifetime));
  EXPECT_EQ(request(kLifetime, 0, {}, {life}), kUnsupported);
}

TEST_P(BlockDevice, ASecureEraseLeavesNothing) {
  make();
  const Segment in = host->piece(512);
  EXPECT_EQ(change(kErase, range(9, 1, 0)), kOk);
  EXPECT_EQ(request(kIn, 9, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), 0u);
  EXPECT_EQ(change(kErase, range(9, 1, 1)), kUnsupported);
  EXPECT_EQ(change(kErase, range(4095, 2, 0)), kIoError);
  make(BlockKind::kPlain, ~bit(Block::kSecureErase));
  EXPECT_EQ(change(kErase, range(9, 1, 0)), kUnsupported);
}

TEST_P(BlockDevice, AHostManagedDiskHasZones) {
  constexpr int kInvalidZone = 3, kUnaligned = 4;
  make(BlockKind::kPlain);
  EXPECT_EQ(request(kOpen, 512, {}, {}), kUnsupported);
  EXPECT_FALSE(Block(BlockKind::kZoned).accepts(0));
  make(BlockKind::kZoned);
  EXPECT_EQ(load_le<std::uint32_t>(device->config(), 72), 512u);
  EXPECT_EQ(device->config()[92], 1);
  EXPECT_EQ(request(kOpen, 512, {}, {}), kOk);
  EXPECT_EQ(request(kOpen, 0, {}, {}), kInvalidZone);
  EXPECT_EQ(request(17, 512, {}, {}), kUnsupported);
  const Bytes sector(512, 0x5c);
  EXPECT_EQ(request(kOut, 513, {host->piece(sector)}, {}), kUnaligned);
  EXPECT_EQ(request(kOut, 512, {host->piece(sector)}, {}), kOk);
  const Segment place = host->piece(8), in = host->piece(512);
  EXPECT_EQ(request(kAppend, 512, {host->piece(sector)}, {place}), kOk);
  EXPECT_EQ(word(place, 0), 513u);
  EXPECT_EQ(request(kAppend, 512, {host->piece(sector)}, {host->piece(7)}), kIoError);
  EXPECT_EQ(request(kIn, 513, {}, {in}), kOk);
  EXPECT_EQ(word(in, 0), 0x5c5c5c5c5c5c5c5cu);
  EXPECT_EQ(request(kIn, 1023, {}, {host->piece(1024)}), kInvalidZone);
  const Segment report = host->piece(64 + 2 * 64 + 10);
  EXPECT_EQ(request(kReport, 600, {}, {report}), kOk);
  EXPECT_EQ(word(report, 0), 2u) << "as many as fit";
  EXPECT_EQ(word(report, 8 + 2), 514u) << "the write pointer";
  EXPECT_EQ(length, 64u + 2 * 64 + 10 + 1);
  EXPECT_EQ(request(kReport, 0, {}, {host->piece(63)}), kIoError);
  EXPECT_EQ(request(kReport, 4096, {}, {report}), kInvalidZone);
  EXPECT_EQ(change(kErase, range(512, 256, 0)), kIoError);
  EXPECT_EQ(change(kErase, range(512, 512, 0)), kOk);
  EXPECT_EQ(request(kReport, 512, {}, {report}), kOk);
  EXPECT_EQ(word(report, 8 + 2), 512u);
  EXPECT_EQ(request(26, 0, {}, {}), kOk);
}

}  // namespace
}  // namespace hypervet::devices
