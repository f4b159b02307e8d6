// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/mmio_transport.h"

#include "tests/backends/devices/transport_fixture.h"

namespace hypervet::devices {
namespace {

class Mmio : public test::TransportTest {
 protected:
  void SetUp() override { make(false); }
  std::uint64_t get(std::uint64_t at, unsigned size = 4) { return as_mmio->mmio_read(at, size); }
  void put(std::uint64_t at, std::uint64_t value, unsigned size = 4) {
    as_mmio->mmio_write(at, size, value);
  }
};

TEST_F(Mmio, Identity) {
  EXPECT_EQ(get(0x00), 0x74726976u);
  EXPECT_EQ(get(0x04), 2u);
  EXPECT_EQ(get(0x08), 2u);
}

TEST_F(Mmio, ControlRegistersTakeAlignedDwordsAlone) {
  EXPECT_EQ(get(0x00, 1), 0u);
  EXPECT_EQ(get(0x02, 4), 0u);
  put(0x70, 1, 1);
  put(0x70, 1, 8);
  EXPECT_EQ(get(0x70), 0u);
}

TEST_F(Mmio, NoSharedMemoryRegionExists) {
  put(0xac, 0);
  for (const std::uint64_t at : {0xb0, 0xb4, 0xb8, 0xbc}) EXPECT_EQ(get(at), 0xffffffffu);
}

TEST_F(Mmio, FeatureHalvesBeyondTheSecondAreZero) {
  put(0x14, 2);
  EXPECT_EQ(get(0x10), 0u);
  put(0x14, 0xffffffff);
  EXPECT_EQ(get(0x10), 0u);
}

TEST_F(Mmio, QueueReadyZeroStopsTheQueueAndKeepsItsRegisters) {
  bring_up();
  EXPECT_TRUE(request());
  put(0x44, 0);
  EXPECT_EQ(get(0x44), 0u);
  EXPECT_FALSE(request());
}

TEST_F(Mmio, EachEventIsAcknowledgedByItself) {
  bring_up();
  EXPECT_TRUE(request());
  device->act("resize-disk", std::vector<std::uint64_t>{8});
  EXPECT_EQ(get(0x60), 3u);
  put(0x64, 1);
  EXPECT_EQ(get(0x60), 2u);
  EXPECT_TRUE(board.line);
  put(0x64, 2);
  EXPECT_FALSE(board.line);
}

TEST_F(Mmio, WithNotificationDataTheUpperHalfIsNoQueue) {
  bring_up(bit(kNotificationData));
  submit();
  driver->notify(1 << 16);
  EXPECT_TRUE(done());
}

}  // namespace
}  // namespace hypervet::devices
