// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/figures.h"

#include <gtest/gtest.h>

namespace hypervet::measure {
namespace {

TEST(Figures, QuantilesAreThoseOfTypeSeven) {
  const std::vector<double> sorted = {10, 20, 30, 40};
  EXPECT_DOUBLE_EQ(quantile(sorted, 0), 10);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.25), 17.5) << "R: quantile(c(10,20,30,40), 0.25)";
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.5), 25);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.99), 39.7);
  EXPECT_DOUBLE_EQ(quantile(sorted, 1), 40);
  EXPECT_DOUBLE_EQ(quantile(std::vector<double>{7}, 0.99), 7);
}

TEST(Figures, TheMedianOfAnEvenNumberIsTheMeanOfTheMiddleTwo) {
  EXPECT_DOUBLE_EQ(median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_DOUBLE_EQ(median({5}), 5);
}

TEST(Figures, TheMedianIsThatOfTheLaunches) {
  const Figures f = figures({{1, 2, 3}, {}, {11, 12, 13}, {4, 5, 6, 100}});
  EXPECT_EQ(f.samples, 10u);
  EXPECT_DOUBLE_EQ(f.min, 1);
  EXPECT_DOUBLE_EQ(f.median, 5.5) << "of 2, 5.5 and 12";
  EXPECT_DOUBLE_EQ(f.p99, 13 + 0.91 * (100 - 13));
  EXPECT_DOUBLE_EQ(f.spread, (11.75 - 3.25) / 5.5);
}

TEST(Figures, WithoutSamplesOrAboveNothing) {
  EXPECT_EQ(figures({}), Figures());
  EXPECT_EQ(figures({{}, {}}), Figures());
  EXPECT_EQ(figures({{-2, 0, 1}}).spread, 0) << "there is nothing to relate it to";
}

}  // namespace
}  // namespace hypervet::measure
