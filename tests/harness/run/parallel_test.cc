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
        1000, jobs,
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
      100000, 4, [&](std::size_t) { return ++produced, 0; },
      [](std::size_t i, int) { return i < 9; });
  EXPECT_EQ(consumed, 10);
  EXPECT_LT(produced, 100000) << "workers ran far ahead of a consumer that had stopped";
}

TEST(InOrderTest, NothingToDoEnds) {
  EXPECT_EQ(
      in_order<int>(0, 4, [](std::size_t) { return 0; }, [](std::size_t, int) { return true; }), 0);
}

}  // namespace
}  // namespace hypervet::run
