// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/packed_queue.h"

#include "tests/backends/devices/ring_fixture.h"

namespace hypervet::devices {
namespace {

class Packed : public test::RingTest {
 protected:
  void make(std::uint64_t features = 0, std::uint16_t size = 8) {
    RingTest::make(true, features, size);
  }
  void complete(std::uint32_t written = 0) {
    ring->submit({{0x9000, 4}}, {{0xb000, 4}});
    queue->give_back(*queue->take(), written);
    used = *ring->take_used();
  }
  void event(std::uint16_t off_wrap, std::uint16_t flags) {
    ring->put<std::uint16_t>(ring->driver(), off_wrap);
    ring->put<std::uint16_t>(ring->driver() + 2, flags);
  }
  test::Used used;
};

TEST_F(Packed, TheWriteFlagSaysWhetherAnythingWasWritten) {
  make();
  complete(0);
  EXPECT_EQ(used.flags & kWrite, 0);
  complete(4);
  EXPECT_NE(used.flags & kWrite, 0);
}

TEST_F(Packed, TheRingNeedNotBeAPowerOfTwo) {
  make(0, 5);
  for (unsigned i = 0; i < 33; ++i) complete(i);
  EXPECT_EQ(owner.broken, 0u);
}

TEST_F(Packed, AListWithADescriptorThatIsNotAvailableBreaksTheQueue) {
  make();
  ring->describe(ring->descriptors(), 1, {0x9000, 4}, 0, 0);
  ring->describe(ring->descriptors(), 0, {0x9000, 4}, kNext | kAvailable, 0);
  expect_broken();
}

TEST_F(Packed, AnIndirectDescriptorInAListBreaksTheQueue) {
  make(bit(kIndirectDesc));
  ring->describe(0xd000, 0, {0x9000, 4}, 0, 0);
  raw({0x9000, 4}, kNext, {0xd000, 16}, kIndirect);
  expect_broken();
  make(bit(kIndirectDesc));
  raw({0xd000, 16}, kIndirect | kNext, {0x9000, 4}, 0);
  expect_broken();
}

TEST_F(Packed, InAnIndirectTableOnlyTheWriteFlagCounts) {
  make(bit(kIndirectDesc));
  ring->describe(0xd000, 0, {0x9000, 4}, kNext | kIndirect, 77);
  ring->describe(0xd000, 1, {0xb000, 8}, kWrite | kNext, 77);
  raw({0xd000, 32}, kIndirect | kWrite);
  const auto chain = queue->take();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable_size(), 4u);
  EXPECT_EQ(chain->writable_size(), 8u);
  EXPECT_NE(chain->id, 77);
}

TEST_F(Packed, AFullRingIsNoneAvailable) {
  make(0, 2);
  for (unsigned i = 0; i < 2; ++i) {
    ring->submit({{0x9000, 4}}, {});
    ASSERT_TRUE(queue->take());
  }
  EXPECT_FALSE(queue->take());
  EXPECT_TRUE(queue->usable());
}

TEST_F(Packed, EventsOnAndOff) {
  make();
  event(0, 1);
  complete();
  EXPECT_EQ(owner.wanted, 0u);
  event(0, 0);
  complete();
  EXPECT_EQ(owner.wanted, 1u);
  // Not valid without EVENT_IDX: better one too many.
  event(7, 2);
  complete();
  EXPECT_EQ(owner.wanted, 2u);
}

TEST_F(Packed, EventAtADescriptor) {
  make(bit(kEventIdx), 5);
  // Each list has two descriptors: 0-1, 2-3, 4-0, ...
  event(3 | 1 << 15, 2);
  complete();
  EXPECT_EQ(owner.wanted, 0u);
  complete();
  EXPECT_EQ(owner.wanted, 1u);
  event(0, 2);  // the first descriptor of the second round, the second of this list
  complete();
  EXPECT_EQ(owner.wanted, 2u);
  event(1 | 1 << 15, 2);  // of the third round
  complete();
  EXPECT_EQ(owner.wanted, 2u);
  event(99, 2);  // of no round
  complete();
  EXPECT_EQ(owner.wanted, 2u);
}

TEST_F(Packed, WithEventIdxTheDeviceSaysWhichDescriptorItWantsToHearOf) {
  make(bit(kEventIdx), 5);
  EXPECT_FALSE(queue->take());
  EXPECT_EQ(ring->get<std::uint16_t>(ring->device()), 1 << 15);
  EXPECT_EQ(ring->get<std::uint16_t>(ring->device() + 2), 2);
  for (unsigned i = 0; i < 3; ++i) complete();
  EXPECT_FALSE(queue->take());
  EXPECT_EQ(ring->get<std::uint16_t>(ring->device()), 1);
}

}  // namespace
}  // namespace hypervet::devices
