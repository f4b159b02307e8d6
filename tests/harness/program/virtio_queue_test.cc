// SPDX-License-Identifier: Apache-2.0
// The driver's side of both rings: bytes, order, wrap counters, and where completions will stand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness/program/virtio/queue.h"

namespace hypervet::program::virtio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Places kPlaces = {0x1000, 0x2000, 0x3000};

template <typename T>
T word(const Store& store, std::size_t offset) {
  T value{};
  EXPECT_LE(offset + sizeof value, store.bytes.size());
  std::memcpy(&value, store.bytes.data() + offset, sizeof value);
  return value;
}

std::vector<Descriptor> descriptors(std::size_t count) {
  std::vector<Descriptor> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back({0x9000 + 0x100 * i, 64, i + 1 == count ? kWrite : std::uint16_t{0}});
  return made;
}

struct SplitRing : testing::Test {
  std::unique_ptr<Queue> queue = make_queue(false, kPlaces, 4);
};
struct PackedRing : testing::Test {
  std::unique_ptr<Queue> queue = make_queue(true, kPlaces, 4);
};

TEST_F(SplitRing, DescriptorsThenEntryThenIndex) {
  const auto made = queue->submit("a", descriptors(2), 1);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->head, 0);
  ASSERT_EQ(made->stores.size(), 3U);
  const Store& table = made->stores[0];
  EXPECT_EQ(table.address, 0x1000U);
  ASSERT_EQ(table.bytes.size(), 32U);
  EXPECT_EQ(word<std::uint64_t>(table, 0), 0x9000U);
  EXPECT_EQ(word<std::uint32_t>(table, 8), 64U);
  EXPECT_EQ(word<std::uint16_t>(table, 12), kNext);
  EXPECT_EQ(word<std::uint16_t>(table, 14), 1);
  EXPECT_EQ(word<std::uint16_t>(table, 28), kWrite);
  EXPECT_EQ(made->stores[1].address, 0x2004U);  // available ring, entry 0
  EXPECT_EQ(word<std::uint16_t>(made->stores[1], 0), 0);
  EXPECT_FALSE(made->stores[1].at_once);
  EXPECT_EQ(made->stores[2].address, 0x2002U);  // its index
  EXPECT_EQ(word<std::uint16_t>(made->stores[2], 0), 1);
  EXPECT_TRUE(made->stores[2].at_once);
}

TEST_F(SplitRing, DescriptorsComeBackOnceUsed) {
  ASSERT_TRUE(queue->submit("a", descriptors(3), 1));
  const auto none_left = queue->submit("b", descriptors(2), 1);
  ASSERT_FALSE(none_left);
  EXPECT_THAT(none_left.error(), HasSubstr("2 descriptors are needed and the queue has 1 of 4"));
  const auto wait = queue->wait_for("a");
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->address, 0x3002U);
  EXPECT_EQ(wait->value, 1U);
  EXPECT_EQ(wait->relation, protocol::AwaitRelation::kAtLeast);
  EXPECT_EQ(wait->most, 1U);
  EXPECT_EQ(wait->from, 0x3004U);
  EXPECT_EQ(wait->size, 8U);
  queue->used(*wait);
  EXPECT_TRUE(queue->submit("b", descriptors(4), 1));
  const auto again = queue->wait_for("a");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error(), HasSubstr("`a` is not on its way"));
}

TEST_F(SplitRing, TheRingWraps) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(queue->submit("a", descriptors(1), 1));
    queue->used(*queue->wait_for("a"));
  }
  ASSERT_TRUE(queue->submit("b", descriptors(1), 2));  // entries 3 and 0
  const auto wait = queue->wait_for("b");
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->value, 5U);
  EXPECT_EQ(wait->from, 0x3004U);
  EXPECT_EQ(wait->size, 32U);  // the whole ring: the elements lie at its ends
  EXPECT_THAT(wait->elements.offsets, ElementsAre(24, 0));
  EXPECT_THAT(wait->elements.available, ElementsAre(0, 1));
  EXPECT_EQ(wait->elements.wanted, 1);
}

TEST_F(SplitRing, APassedOverChainDoesNotCountUntilItIsNamed) {
  ASSERT_TRUE(queue->submit("bad", descriptors(1), 1));
  queue->passed_over(*queue->wait_for("bad"));
  ASSERT_TRUE(queue->submit("good", descriptors(1), 1));
  EXPECT_EQ(queue->wait_for("good")->value, 1U);
  EXPECT_EQ(queue->wait_for("bad")->value, 1U);
  queue->used(*queue->wait_for("good"));
  const auto late = queue->wait_for("bad");
  ASSERT_TRUE(late);
  EXPECT_EQ(late->value, 2U);
  queue->used(*late);
  EXPECT_FALSE(queue->wait_for("bad"));
}

TEST_F(SplitRing, RawHeadsStandAsTheyAre) {
  const auto made = queue->submit_raw(0x7fff);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->stores.size(), 2U);
  EXPECT_EQ(word<std::uint16_t>(made->stores[0], 0), 0x7fff);
  const auto wait = queue->wait_for(1);
  ASSERT_TRUE(wait);
  EXPECT_TRUE(wait->elements.available.empty());  // nothing is said of its id
}

TEST_F(SplitRing, AfterTheIndexWasWrittenByHandNothingIsKnown) {
  queue->lose_track();
  EXPECT_FALSE(queue->submit("a", descriptors(1), 1));
  EXPECT_EQ(queue->wait_for(1)->most, std::nullopt);
}

TEST_F(SplitRing, ElementsAreKnownAsFarAsTheyWereAwaited) {
  ASSERT_TRUE(queue->submit("a", descriptors(1), 2));
  EXPECT_TRUE(queue->element(0));
  EXPECT_FALSE(queue->element(1));
  queue->used(*queue->wait_for("a"));
  EXPECT_EQ(queue->element(1)->from, 0x300cU);
}

TEST_F(PackedRing, TheFirstFlagsComeLast) {
  const auto made = queue->submit("a", descriptors(2), 1);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->stores.size(), 3U);
  EXPECT_EQ(made->stores[0].address, 0x1000U);
  EXPECT_EQ(made->stores[0].bytes.size(), 14U);  // all but the flags
  EXPECT_EQ(made->stores[1].address, 0x1010U);
  EXPECT_EQ(word<std::uint16_t>(made->stores[1], 12), 0);  // id
  EXPECT_EQ(word<std::uint16_t>(made->stores[1], 14), kWrite | kAvailable);
  EXPECT_EQ(made->stores[2].address, 0x100eU);
  EXPECT_TRUE(made->stores[2].at_once);
  EXPECT_EQ(word<std::uint16_t>(made->stores[2], 0), kNext | kAvailable);
}

TEST_F(PackedRing, WrapCountersTurnInTheMiddleOfAChain) {
  ASSERT_TRUE(queue->submit("a", descriptors(3), 1));
  queue->used(*queue->wait_for("a"));
  EXPECT_EQ(queue->notification_data(), 0x8003);
  const auto made = queue->submit("b", descriptors(2), 1);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->stores[0].address, 0x1030U);
  // Slot 0 is on the second lap: AVAIL clear, USED set.
  EXPECT_EQ(made->stores[1].address, 0x1000U);
  EXPECT_EQ(word<std::uint16_t>(made->stores[1], 14), kWrite | kUsedFlag);
  EXPECT_EQ(word<std::uint16_t>(made->stores[2], 0), kNext | kAvailable);
  const auto wait = queue->wait_for("b");
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->address, 0x103eU);
  EXPECT_EQ(wait->mask, 0x8080U);
  EXPECT_EQ(wait->value, 0x8080U);
  queue->used(*wait);
  ASSERT_TRUE(queue->submit("c", descriptors(1), 1));
  const auto next = queue->wait_for("c");
  EXPECT_EQ(next->address, 0x101eU);
  EXPECT_EQ(next->value, 0U);
  EXPECT_EQ(queue->notification_data(), 2);
}

TEST_F(PackedRing, DifferentLengthsAreAwaitedOneByOne) {
  ASSERT_TRUE(queue->submit("a", descriptors(1), 1));
  ASSERT_TRUE(queue->submit("b", descriptors(2), 1));
  const auto both = queue->wait_for("b");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error(), HasSubstr("await them one by one"));
  const auto first = queue->wait_for("a");
  ASSERT_TRUE(first);
  queue->used(*first);
  EXPECT_EQ(queue->wait_for("b")->address, 0x101eU);
}

TEST_F(PackedRing, InOrderTheyAreAwaitedTogether) {
  queue->use_in_order();
  ASSERT_TRUE(queue->submit("a", descriptors(1), 1));
  ASSERT_TRUE(queue->submit("b", descriptors(2), 1));
  const auto both = queue->wait_for("b");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->address, 0x101eU);
  EXPECT_THAT(both->elements.offsets, ElementsAre(0, 16));
}

TEST_F(PackedRing, AWholeLapIsReadAtOnce) {
  ASSERT_TRUE(queue->submit("a", descriptors(1), 3));
  queue->used(*queue->wait_for("a"));
  ASSERT_TRUE(queue->submit("b", descriptors(1), 2));
  const auto wait = queue->wait_for("b");
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->from, 0x1000U);
  EXPECT_EQ(wait->size, 64U);
  EXPECT_THAT(wait->elements.offsets, ElementsAre(48, 0));
  EXPECT_EQ(wait->address, 0x100eU);
  EXPECT_EQ(wait->value, 0U);
}

TEST_F(PackedRing, RawDescriptorsAreMadeAvailableAsFarAsTheyLead) {
  queue->written(0, kNext, 7);
  queue->written(1, kWrite, 7);
  const auto wrong = queue->submit_raw(1);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error(), HasSubstr("the next descriptor is 0"));
  const auto made = queue->submit_raw(0);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->id, 7);
  ASSERT_EQ(made->stores.size(), 2U);
  EXPECT_EQ(made->stores[0].address, 0x101eU);
  EXPECT_EQ(word<std::uint16_t>(made->stores[0], 0), kWrite | kAvailable);
  EXPECT_EQ(word<std::uint16_t>(made->stores[1], 0), kNext | kAvailable);
  EXPECT_EQ(queue->notification_data(), 0x8002);
}

TEST_F(PackedRing, APassedOverChainKeepsItsLength) {
  ASSERT_TRUE(queue->submit("bad", descriptors(2), 1));
  queue->passed_over(*queue->wait_for("bad"));
  const auto late = queue->wait_for("bad");
  ASSERT_TRUE(late);
  queue->used(*late);
  ASSERT_TRUE(queue->submit("next", descriptors(1), 1));
  EXPECT_EQ(queue->wait_for("next")->address, 0x102eU);
}

TEST(IndirectTable, OfBothRings) {
  const auto split = indirect_table(descriptors(2), false);
  ASSERT_EQ(split.size(), 32U);
  EXPECT_EQ(std::to_integer<int>(split[12]), kNext);
  EXPECT_EQ(std::to_integer<int>(split[14]), 1);
  EXPECT_EQ(std::to_integer<int>(split[28]), kWrite);
  const auto packed = indirect_table(descriptors(2), true);
  ASSERT_EQ(packed.size(), 32U);
  EXPECT_EQ(std::to_integer<int>(packed[14]), 0);  // in order: no NEXT
  EXPECT_EQ(std::to_integer<int>(packed[30]), kWrite);
}

TEST(AreaSizes, OfBothRings) {
  const AreaSizes split = area_sizes(false, 16);  // 2.7
  EXPECT_EQ(split.desc, 256U);
  EXPECT_EQ(split.driver, 38U);
  EXPECT_EQ(split.device, 134U);
  const AreaSizes packed = area_sizes(true, 16);  // 2.8.10
  EXPECT_EQ(packed.desc, 256U);
  EXPECT_EQ(packed.driver, 4U);
  EXPECT_EQ(packed.device, 4U);
}

}  // namespace
}  // namespace hypervet::program::virtio
