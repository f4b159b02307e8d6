// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/split_queue.h"

#include "tests/backends/devices/ring_fixture.h"

namespace hypervet::devices {
namespace {

class Split : public test::RingTest {
 protected:
  void make(std::uint64_t features = 0, std::uint16_t size = 8) {
    RingTest::make(false, features, size);
  }
  void complete() {
    ring->submit({{0x9000, 4}}, {});
    queue->give_back(*queue->take(), 0);
    ring->take_used();
  }
};

TEST_F(Split, AHeadOutsideTheTableBreaksTheQueue) {
  make();
  ring->submit_head(8);
  expect_broken();
}

TEST_F(Split, ANextOutsideTheTableBreaksTheQueue) {
  make();
  ring->describe(ring->descriptors(), 0, {0x9000, 4}, kNext, 8);
  ring->submit_head(0);
  expect_broken();
}

TEST_F(Split, AnIndexTooFarAheadBreaksTheQueue) {
  make();
  ring->submit({{0x9000, 4}}, {});
  ring->put<std::uint16_t>(ring->driver() + 2, 9);
  expect_broken();
}

TEST_F(Split, AnIndexThatGoesBackBreaksTheQueue) {
  make();
  complete();
  ring->put<std::uint16_t>(ring->driver() + 2, 0);
  expect_broken();
}

TEST_F(Split, MoreInFlightThanTheQueueHoldsBreaksIt) {
  make(0, 2);
  for (unsigned i = 0; i < 2; ++i) {
    ring->submit_head(0);
    ASSERT_TRUE(queue->take());
  }
  ring->submit_head(0);
  expect_broken();
}

TEST_F(Split, DescriptorsBeforeAnIndirectOneAreOfTheChain) {
  make(bit(kIndirectDesc));
  ring->describe(0xd000, 0, {0xb000, 8}, kWrite, 0);
  // The flag WRITE of the descriptor that refers to a table says nothing.
  ring->describe(ring->descriptors(), 1, {0xd000, 16}, kIndirect | kWrite, 0);
  ring->describe(ring->descriptors(), 0, {0x9000, 4}, kNext, 1);
  ring->submit_head(0);
  const auto chain = queue->take();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable_size(), 4u);
  EXPECT_EQ(chain->writable_size(), 8u);
}

TEST_F(Split, WrongNestingBreaksTheQueue) {
  make(bit(kIndirectDesc));
  ring->describe(0xd000, 0, {0xe000, 16}, kIndirect, 0);
  raw({0xd000, 16}, kIndirect);
  expect_broken();
  make(bit(kIndirectDesc));
  ring->describe(0xd000, 0, {0x9000, 16}, 0, 0);
  raw({0xd000, 16}, kIndirect | kNext, {0x9000, 4}, 0);
  expect_broken();
}

TEST_F(Split, AnIndirectChainThatLeavesItsTableOrLoopsBreaksTheQueue) {
  for (const std::uint16_t next : {0, 2}) {
    make(bit(kIndirectDesc));
    ring->describe(0xd000, 0, {0x9000, 4}, kNext, 1);
    ring->describe(0xd000, 1, {0x9000, 4}, kNext, next);
    raw({0xd000, 32}, kIndirect);
    expect_broken();
  }
}

TEST_F(Split, TheDriversFlagSuppressesInterrupts) {
  make();
  ring->put<std::uint16_t>(ring->driver(), 1);
  complete();
  EXPECT_EQ(owner.wanted, 0u);
  EXPECT_EQ(owner.suppressed, 1u);
  ring->put<std::uint16_t>(ring->driver(), 0);
  complete();
  EXPECT_EQ(owner.wanted, 1u);
}

TEST_F(Split, WithEventIdxTheIndexDecidesAndTheFlagSaysNothing) {
  make(bit(kEventIdx));
  ring->put<std::uint16_t>(ring->driver(), 1);
  const std::uint64_t used_event = ring->driver() + 4 + 2 * 8;
  ring->put<std::uint16_t>(used_event, 2);
  complete();
  complete();
  EXPECT_EQ(owner.wanted, 0u);
  complete();
  EXPECT_EQ(owner.wanted, 1u);
  complete();
  EXPECT_EQ(owner.wanted, 1u);
}

TEST_F(Split, WithEventIdxTheDeviceSaysWhichBufferItWantsToHearOf) {
  make(bit(kEventIdx));
  const std::uint64_t avail_event = ring->device() + 4 + 8 * 8;
  for (unsigned i = 0; i < 3; ++i) complete();
  EXPECT_FALSE(queue->take());
  EXPECT_EQ(ring->get<std::uint16_t>(avail_event), 3);
  EXPECT_EQ(ring->get<std::uint16_t>(ring->device()), 0);
}

TEST_F(Split, ASizeThatIsNoPowerOfTwoBreaksTheQueue) {
  make(0, 8);
  QueueSetup setup = ring->setup(0, 0);
  setup.size = 6;
  queue = make_virtqueue(setup, dma, owner);
  expect_broken();
}

}  // namespace
}  // namespace hypervet::devices
