// SPDX-License-Identifier: Apache-2.0
#include "harness/run/parallel.h"

#include <gmock/gmock.h>

#include <atomic>

namespace hypervet::run {
namespace {

TEST(InOrderTest, ResultsComeInOrderWhateverTheJobs) {
  for (const unsigned jobs : {1u, 2u, 7u}) {
    std::vector<std::size_t> seen;
    const auto consumed = in_order<std::size_t>(
        1000, jobs, {},
        [](std::size_t i) {
          if (i % 97 == 0) std::this_thread::yield();
          return i * i;
        },
        [&](std::size_t i, std::size_t square) {
          EXPECT_EQ(square, i * i);
          seen.push_back(i);
          return true;
        });
    EXPECT_EQ(consumed, 1000);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_EQ(seen.size(), 1000);
  }
}

TEST(InOrderTest, TheConsumerCanStop) {
  std::atomic<std::size_t> produced{0};
  const auto consumed = in_order<int>(
      100000, 4, {}, [&](std::size_t) { return ++produced, 0; },
      [](std::size_t i, int) { return i < 9; });
  EXPECT_EQ(consumed, 10);
  EXPECT_LT(produced, 100000) << "workers ran far ahead of a consumer that had stopped";
}

TEST(InOrderTest, GroupsDoNotChangeTheOrder) {
  std::vector<std::uint32_t> groups(3000);
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<std::uint32_t>(i / 5 % 7);
  std::size_t next = 0;
  const auto consumed = in_order<std::size_t>(
      groups.size(), 4, groups, [](std::size_t i) { return i; },
      [&](std::size_t i, std::size_t result) {
        EXPECT_EQ(result, next);
        return i == next++;
      });
  EXPECT_EQ(consumed, groups.size());
}

TEST(TurnsTest, AThreadStaysWithItsGroupAndOthersLeaveIt) {
  const std::vector<std::uint32_t> groups = {0, 0, 1, 1, 0, 2};
  Turns turns(groups.size(), groups);
  EXPECT_EQ(turns.take(0, std::nullopt), 0);  // one thread
  EXPECT_EQ(turns.take(0, std::nullopt), 2);  // another
  EXPECT_EQ(turns.take(0, std::nullopt), 5);  // a third
  turns.finished(0);
  EXPECT_EQ(turns.take(0, 0), 1);
  turns.finished(1);
  EXPECT_EQ(turns.take(0, 1), 4);
  turns.finished(5);
  EXPECT_EQ(turns.take(0, 5), 3);  // none is left but where others are
  EXPECT_TRUE(turns.all_taken());
  EXPECT_EQ(turns.take(0, 3), std::nullopt);
}

TEST(TurnsTest, NoneIsFurtherAheadThanTheWindow) {
  const std::vector<std::uint32_t> groups(10'000, 0);
  Turns turns(groups.size(), groups);
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < Turns::kWindow; ++i) last = turns.take(0, last);
  EXPECT_EQ(last, Turns::kWindow - 1);
  EXPECT_EQ(turns.take(0, last), std::nullopt);
  EXPECT_EQ(turns.take(1, last), Turns::kWindow);
}

TEST(InOrderTest, NothingToDoEnds) {
  EXPECT_EQ(in_order<int>(
                0, 4, {}, [](std::size_t) { return 0; }, [](std::size_t, int) { return true; }),
            0);
}

}  // namespace
}  // namespace hypervet::run
