// SPDX-License-Identifier: Apache-2.0
// Both rings as a device sees them: what holds for either.
#include "backends/devices/queue.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/backends/devices/ring_fixture.h"

namespace hypervet::devices {
namespace {

using test::RingTest;

class EitherRing : public RingTest, public testing::WithParamInterface<bool> {
 protected:
  void make(std::uint64_t features = 0, std::uint16_t size = 8) {
    RingTest::make(GetParam(), features, size);
  }
};
INSTANTIATE_TEST_SUITE_P(Rings, EitherRing, testing::Bool(),
                         [](const auto& one) { return one.param ? "packed" : "split"; });

TEST_P(EitherRing, AChainIsTakenWithItsPiecesInOrderAndGivenBack) {
  make();
  EXPECT_FALSE(queue->take());
  const auto id = ring->submit({{0x9000, 16}, {0xa000, 4}}, {{0xb000, 512}, {0xc000, 1}});
  const auto chain = queue->take();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->id, id);
  ASSERT_EQ(chain->readable.size(), 2u);
  EXPECT_EQ(chain->readable[1].address, 0xa000u);
  EXPECT_EQ(chain->readable_size(), 20u);
  ASSERT_EQ(chain->writable.size(), 2u);
  EXPECT_EQ(chain->writable_size(), 513u);
  EXPECT_FALSE(queue->take());
  EXPECT_FALSE(ring->take_used());
  queue->give_back(*chain, 513);
  const auto used = ring->take_used();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, id);
  EXPECT_EQ(used->length, 513u);
  EXPECT_EQ(owner.wanted, 1u);
}

TEST_P(EitherRing, GoesRoundManyTimes) {
  make(0, 4);
  for (unsigned i = 0; i < 70'000; ++i) {
    const auto id = ring->submit(
        {{0x9000, 16}}, i % 2 ? std::vector<Segment>{{0xb000, 8}} : std::vector<Segment>{});
    const auto chain = queue->take();
    ASSERT_TRUE(chain) << i;
    queue->give_back(*chain, i % 2 ? 8 : 0);
    const auto used = ring->take_used();
    ASSERT_TRUE(used) << i;
    ASSERT_EQ(used->id, id);
    ASSERT_EQ(used->length, i % 2 ? 8u : 0u);
  }
}

TEST_P(EitherRing, ManyInFlightAreGivenBackInAnyOrder) {
  make();
  std::vector<Chain> chains;
  for (unsigned round = 0; round < 5; ++round) {
    for (unsigned i = 0; i < 3; ++i) ring->submit({{0x9000, 4}}, {{0xb000, 4}});
    for (unsigned i = 0; i < 3; ++i) chains.push_back(*queue->take());
    for (const unsigned at : {2u, 0u, 0u}) {
      queue->give_back(chains[at], at);
      EXPECT_EQ(ring->take_used()->id, chains[at].id);
      chains.erase(chains.begin() + at);
    }
  }
  EXPECT_EQ(owner.broken, 0u);
}

TEST_P(EitherRing, InOrderMeansInTheOrderOfTaking) {
  make(bit(kInOrder));
  const auto first = ring->submit({{0x9000, 4}}, {});
  const auto second = ring->submit({{0x9000, 4}}, {});
  const Chain one = *queue->take(), two = *queue->take();
  queue->give_back(two, 0);
  EXPECT_FALSE(ring->take_used());
  queue->give_back(one, 0);
  EXPECT_EQ(ring->take_used()->id, first);
  EXPECT_EQ(ring->take_used()->id, second);
}

TEST_P(EitherRing, WhatIsPutBackIsTakenAgain) {
  make(bit(kInOrder), 4);
  for (unsigned i = 0; i < 9; ++i) {
    const auto id = ring->submit({{0x9000, 4}, {0x9100, 4}}, {{0xb000, 4}});
    const Chain chain = *queue->take();
    queue->untake(chain);
    const auto again = queue->take();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, id);
    queue->give_back(*again, 4);
    EXPECT_EQ(ring->take_used()->id, id);
  }
}

TEST_P(EitherRing, SeveralAreGivenBackInOneStep) {
  make(bit(kEventIdx), 8);
  for (unsigned round = 0; round < 7; ++round) {
    std::vector<std::uint16_t> ids;
    for (unsigned i = 0; i < 3; ++i) ids.push_back(ring->submit({}, {{0xb000, 4}}));
    std::vector<Chain> chains;
    for (unsigned i = 0; i < 3; ++i) chains.push_back(*queue->take());
    const Queue::Done done[] = {{&chains[0], 4}, {&chains[1], 3}, {&chains[2], 2}};
    queue->give_back_together(done);
    for (unsigned i = 0; i < 3; ++i) {
      const auto used = ring->take_used();
      ASSERT_TRUE(used);
      EXPECT_EQ(used->id, ids[i]);
      EXPECT_EQ(used->length, 4 - i);
    }
  }
}

TEST_P(EitherRing, PiecesOfNoBytesCountForNothing) {
  make();
  ring->submit({{0x9000, 0}, {0x9000, 4}}, {{0, 0}});
  const auto chain = queue->take();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable.size(), 1u);
  EXPECT_TRUE(chain->writable.empty());
}

TEST_P(EitherRing, IndirectTables) {
  make(bit(kIndirectDesc), 4);
  for (unsigned i = 0; i < 9; ++i) {
    const auto id = ring->submit_indirect(0xd000, {{0x9000, 16}}, {{0xb000, 512}, {0xc000, 1}});
    const auto chain = queue->take();
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->descriptors, 1);
    EXPECT_EQ(chain->readable_size(), 16u);
    EXPECT_EQ(chain->writable_size(), 513u);
    queue->give_back(*chain, 513);
    EXPECT_EQ(ring->take_used()->id, id);
  }
}

TEST_P(EitherRing, IndirectTablesThatBreakTheQueue) {
  struct {
    std::uint64_t features;
    Segment table;
  } cases[] = {{0, {0xd000, 16}},
               {bit(kIndirectDesc), {0xd000, 0}},
               {bit(kIndirectDesc), {0xd000, 17}},
               {bit(kIndirectDesc), {0xd000, 16 * 9}},
               {bit(kIndirectDesc), {kMemory - 16, 32}},
               {bit(kIndirectDesc), {~std::uint64_t{0} - 15, 16}}};
  for (const auto& one : cases) {
    make(one.features);
    for (unsigned i = 0; i < 9; ++i)
      ring->describe(0xd000, i, {0x9000, 4}, GetParam() ? 0 : kNext,
                     static_cast<std::uint16_t>(i + 1));
    raw(one.table, kIndirect);
    expect_broken();
  }
}

TEST_P(EitherRing, BuffersAreCopiedAcrossPieces) {
  make();
  std::vector<std::uint8_t> data(24);
  std::iota(data.begin(), data.end(), std::uint8_t{1});
  memory.write(0x9000, std::span(data).first(10));
  memory.write(0xa000, std::span(data).subspan(10));
  ring->submit({{0x9000, 10}, {0xa000, 14}}, {{0xb000, 10}, {0xc000, 14}});
  const Chain chain = *queue->take();
  std::vector<std::uint8_t> got(20);
  EXPECT_EQ(queue->read(chain, 4, got), 20u);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), data.begin() + 4));
  EXPECT_EQ(queue->read(chain, 20, got), 4u);
  EXPECT_EQ(queue->read(chain, 24, got), 0u);
  EXPECT_EQ(queue->write(chain, 8, data), 16u);
  EXPECT_EQ(memory.load<std::uint8_t>(0xb009), 2);
  EXPECT_EQ(memory.load<std::uint8_t>(0xc000), 3);
  EXPECT_EQ(memory.load<std::uint8_t>(0xc00d), 16);
  EXPECT_EQ(memory.load<std::uint8_t>(0xc00e), 0);
}

TEST_P(EitherRing, BuffersOutsideRamEndTheCopy) {
  make();
  ring->submit({{0x9000, 4}, {kMemory - 2, 4}}, {{0xb000, 4}, {~std::uint64_t{0} - 1, 4}});
  const Chain chain = *queue->take();
  std::vector<std::uint8_t> bytes(8);
  EXPECT_EQ(queue->read(chain, 0, bytes), 4u);
  EXPECT_EQ(queue->write(chain, 0, bytes), 4u);
  EXPECT_TRUE(queue->usable());
}

TEST_P(EitherRing, ReadableBehindWritableBreaksTheQueue) {
  make();
  raw({0x9000, 4}, kWrite | kNext, {0xa000, 4}, 0);
  expect_broken();
}

TEST_P(EitherRing, AChainThatNeverEndsBreaksTheQueue) {
  make(0, 4);
  if (GetParam()) {
    for (unsigned i = 0; i < 4; ++i)
      ring->describe(ring->descriptors(), i, {0x9000, 4}, kNext | kAvailable, 0);
  } else {
    for (std::uint16_t i = 0; i < 4; ++i)
      ring->describe(ring->descriptors(), i, {0x9000, 4}, kNext,
                     static_cast<std::uint16_t>((i + 1) % 4));
    ring->submit_head(0);
  }
  expect_broken();
}

TEST_P(EitherRing, MoreThanFourGibibytesBreakTheQueue) {
  make();
  raw({0x9000, 0xffff'ffff}, kNext, {0x9000, 2}, 0);
  expect_broken();
}

TEST_P(EitherRing, ARingThatIsNoRamOrNotAlignedBreaksTheQueue) {
  for (const std::uint64_t at : {kMemory - 8, ~std::uint64_t{0} - 15, std::uint64_t{0x2001}}) {
    for (unsigned area = 0; area < 3; ++area) {
      make(bit(kEventIdx));
      QueueSetup setup = ring->setup(3, bit(kEventIdx));
      (area == 0 ? setup.descriptors : area == 1 ? setup.driver : setup.device) = at;
      if (at == kMemory - 8 && GetParam() && area != 0) continue;  // four bytes fit there
      queue = make_virtqueue(setup, dma, owner);
      expect_broken();
    }
  }
}

TEST_P(EitherRing, ABrokenQueueIsToldOnceAndStaysBroken) {
  make();
  ring->submit({{0x9000, 4}}, {{0xb000, 4}});
  const Chain before = *queue->take();
  raw({0x9000, 4}, kWrite | kNext, {0xa000, 4}, 0);
  expect_broken();
  queue->give_back(before, 4);
  EXPECT_FALSE(queue->take());
  EXPECT_FALSE(ring->take_used());
  EXPECT_EQ(owner.broken, 1u);
}

}  // namespace
}  // namespace hypervet::devices
