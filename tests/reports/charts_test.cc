// SPDX-License-Identifier: Apache-2.0
// The geometry of the charts: marks stand where the numbers say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "reports/html/axis.h"
#include "reports/html/dividends.h"
#include "reports/html/ratios.h"
#include "reports/html/strip.h"
#include "tests/reports/path_samples.h"

namespace hypervet::reports::html {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFirst = Axis::kInset;
constexpr double kLast = 100 - Axis::kInset;

Path measured(std::vector<std::vector<double>> launches, double min, double median, double p99) {
  Path path;
  path.id = "kvm.path.example";
  path.unit = "ns";
  path.min = min;
  path.median = median;
  path.p99 = p99;
  for (const auto& launch : launches) path.samples += launch.size();
  path.launches = std::move(launches);
  return path;
}

Path with_dividend(const char* id, double value, double low, double high) {
  Path path = measured({{1, 2, 3}}, 1, 2, 3);
  path.id = id;
  path.dividend = Dividend{value, low, high};
  return path;
}

TEST(Axis, PlacesValuesInOrder) {
  const Axis linear(100, 200, Growth::kLinear);
  EXPECT_DOUBLE_EQ(linear.place(100), kFirst);
  EXPECT_DOUBLE_EQ(linear.place(150), 50);
  EXPECT_DOUBLE_EQ(linear.place(200), kLast);
  const Axis log(1, 100, Growth::kLog);
  EXPECT_DOUBLE_EQ(log.place(10), 50);
  for (const double below : {-kInfinity, -5.0, 0.0, kNaN}) EXPECT_EQ(log.place(below), kFirst);
  EXPECT_EQ(log.place(kInfinity), kLast);
}

TEST(Axis, TicksAreRoundAndFew) {
  EXPECT_THAT(Axis(100, 200, Growth::kLinear).ticks(), ElementsAre(100, 120, 140, 160, 180, 200));
  EXPECT_THAT(Axis(0.9, 21, Growth::kLog).ticks(), ElementsAre(1, 2, 5, 10, 20));
  EXPECT_THAT(Axis(1, 1e4, Growth::kLog).ticks(), ElementsAre(1, 10, 100, 1000, 10000));
  const std::pair<double, double> bounds[] = {{-1e18, 1e18}, {1e-300, 1e18}, {1e17, 1e17 + 16},
                                              {5e-324, 1},   {0.8, 1.25},    {-3, -2.99}};
  for (const auto& [low, high] : bounds) {
    for (const Growth growth : {Growth::kLinear, Growth::kLog}) {
      if (growth == Growth::kLog && low <= 0) continue;
      const Axis axis(low, high, growth);
      const std::vector<double> ticks = axis.ticks();
      EXPECT_GE(ticks.size(), 2u) << low << " to " << high;
      EXPECT_LE(ticks.size(), 8u) << low << " to " << high;
      EXPECT_TRUE(std::ranges::is_sorted(ticks));
      for (const double tick : ticks) {
        EXPECT_THAT(axis.place(tick), AllOf(Ge(kFirst), Le(kLast))) << low << " to " << high;
      }
    }
  }
}

TEST(Numbers, StayShort) {
  EXPECT_EQ(number_text(412.5), "412.5");
  EXPECT_EQ(number_text(1e308), "1e+308");
  EXPECT_EQ(number_text(kNaN), "–");
  EXPECT_EQ(number_text(-kInfinity), "–");
  EXPECT_EQ(percent_text(0.021), "2.1 %");
  EXPECT_EQ(percent_text(kInfinity), "–");
  EXPECT_EQ(percent_text(1e300), "1e+302 %");
}

TEST(Strip, DotsAreAnEvenChoiceOfTheSamples) {
  const Results results = samples::timed();
  for (const Path& path : results.paths) {
    if (!path.measured()) continue;
    const Strip s = strip(path);
    ASSERT_TRUE(s.axis) << path.id;
    EXPECT_EQ(s.dots.size(), Strip::kMostDots);
    EXPECT_EQ(s.samples, 1500u);
    EXPECT_EQ(s.drawn_from + s.beyond + s.below + s.no_numbers, s.samples);
    EXPECT_LE(s.beyond, 15u) << "at most what lies above p99";
    EXPECT_EQ(s.below, 0u);
    const double min = s.axis->place(path.min);
    const double median = s.axis->place(path.median);
    const double p99 = s.axis->place(path.p99);
    EXPECT_LT(min, median) << path.id;
    EXPECT_LT(median, p99) << path.id;
    EXPECT_EQ(s.dots.front().x, min);
    EXPECT_LE(p99, kLast);
    // Half of the dots stand left of the median, as half of the samples do.
    const auto left = std::ranges::count_if(s.dots, [&](const Dot& d) { return d.x <= median; });
    EXPECT_NEAR(static_cast<double>(left) / static_cast<double>(s.dots.size()), .5, .02) << path.id;
    for (const Dot& dot : s.dots) EXPECT_THAT(dot.y, AllOf(Ge(0), Le(1)));
  }
}

TEST(Strip, DownIsTheOrderOfTaking) {
  const Strip s = strip(measured({{10, 30}, {20, 40}}, 10, 25, 40));
  ASSERT_EQ(s.dots.size(), 4u);
  const double third = 1.0 / 3;
  EXPECT_DOUBLE_EQ(s.dots[0].y, 0);
  EXPECT_DOUBLE_EQ(s.dots[1].y, 2 * third) << "20 was the third";
  EXPECT_DOUBLE_EQ(s.dots[2].y, third);
  EXPECT_DOUBLE_EQ(s.dots[3].y, 1);
}

TEST(Strip, TailThatIsCutIsCounted) {
  std::vector<double> launch(997, 100);
  for (std::size_t i = 0; i < launch.size(); ++i) launch[i] += static_cast<double>(i % 11);
  launch.insert(launch.end(), {5000, 6000, 7000});
  const Path path = measured({launch}, 100, 105, 110);
  const Strip s = strip(path);
  EXPECT_EQ(s.axis->growth(), Growth::kLinear);
  EXPECT_EQ(s.beyond, 3u);
  EXPECT_THAT(note(s, path), HasSubstr("3 lie beyond the axis, the dearest at 7000"));
}

TEST(Strip, LongTailGetsALogarithmicAxis) {
  std::vector<double> launch(90, 100);
  launch.insert(launch.end(), 10, 4000);
  const Path path = measured({launch}, 100, 100, 4000);
  const Strip s = strip(path);
  EXPECT_EQ(s.axis->growth(), Growth::kLog);
  EXPECT_EQ(s.beyond, 0u);
  EXPECT_THAT(note(s, path), HasSubstr("logarithmic axis"));
}

TEST(Strip, EqualSamplesStandInTheMiddle) {
  const Path path = measured({{482, 482}, {482}}, 482, 482, 482);
  const Strip s = strip(path);
  ASSERT_TRUE(s.axis);
  EXPECT_DOUBLE_EQ(s.axis->place(482), 50);
  EXPECT_EQ(note(s, path), "ns per operation; all 3 samples agree, 2 launches");
}

TEST(Strip, AbsurdNumbersAreCountedNotDrawn) {
  const Path path = measured({{kNaN, 1, kInfinity}, {-1e308, 3}}, 1, 2, 3);
  const Strip s = strip(path);
  EXPECT_EQ(s.no_numbers, 3u);
  EXPECT_EQ(s.dots.size(), 2u);
  EXPECT_THAT(note(s, path), HasSubstr("3 no numbers"));
  EXPECT_FALSE(strip(measured({{kNaN}, {}}, kNaN, kNaN, kNaN)).axis);
  for (const Path& absurd : samples::absurd_paths().paths) {
    const Strip drawn = strip(absurd);
    for (const Dot& dot : drawn.dots) EXPECT_THAT(dot.x, AllOf(Ge(kFirst), Le(kLast)));
  }
}

TEST(Dividends, BarsEndWhereTheRatioIs) {
  const std::vector paths = {with_dividend("dear", .5, .4, .6), with_dividend("ten", 10, 9, 11),
                             with_dividend("even", 1.02, .97, 1.06),
                             with_dividend("hundred", 100, 90, 110)};
  const DividendChart chart = dividend_chart(paths);
  ASSERT_EQ(chart.bars.size(), 4u);
  const DividendBar& hundred = chart.bars[0];
  const DividendBar& ten = chart.bars[1];
  const DividendBar& even = chart.bars[2];
  const DividendBar& dear = chart.bars[3];
  EXPECT_EQ(ten.path->id, "ten");
  EXPECT_GT(ten.value, chart.even) << "ten times cheaper is right of 1x";
  EXPECT_DOUBLE_EQ(ten.left, chart.even);
  EXPECT_NEAR(hundred.value - ten.value, ten.value - chart.even, 1e-9) << "a decade is a decade";
  EXPECT_LT(ten.low, ten.value);
  EXPECT_LT(ten.value, ten.high);
  EXPECT_LT(dear.value, chart.even);
  EXPECT_DOUBLE_EQ(dear.left + dear.width, chart.even);
  EXPECT_EQ(ten.payoff, Payoff::kCheaper);
  EXPECT_EQ(even.payoff, Payoff::kUnclear);
  EXPECT_EQ(dear.payoff, Payoff::kDearer);
  for (const DividendBar& bar : chart.bars) EXPECT_FALSE(bar.off_left || bar.off_right);
  EXPECT_EQ(dividend_words({.5, .4, .6}), "0.5x, dearer");
  EXPECT_EQ(dividend_words({10, 9, 11}), "10x cheaper");
  EXPECT_EQ(dividend_words({1, 1, 1}), "1x, the same");
  EXPECT_EQ(dividend_words({1.00001, 1.000005, 1.00002}), "1x, the same");
  EXPECT_EQ(dividend_words({1, .9, 1.1}), "1x, unclear");
}

TEST(Dividends, AbsurdOnesStayOnThePage) {
  Path nothing = with_dividend("nothing", 2, 1, 3);
  nothing.reason = "skipped";
  const std::vector paths = {with_dividend("nan", kNaN, 1, 2), with_dividend("negative", -1, -2, 0),
                             nothing, with_dividend("wild", 1e17, kNaN, kInfinity),
                             with_dividend("crossed", 2, 5, .1)};
  const DividendChart chart = dividend_chart(paths);
  ASSERT_EQ(chart.bars.size(), 2u) << "only values above 0 have a bar";
  EXPECT_TRUE(chart.bars[0].off_right);
  EXPECT_EQ(chart.bars[0].value, kLast);
  EXPECT_LE(chart.bars[1].low, chart.bars[1].value);
  EXPECT_GE(chart.bars[1].high, chart.bars[1].value);
  const std::vector<Path> none;
  EXPECT_TRUE(dividend_chart(none).bars.empty());
}

TEST(Ratios, MarksStandAroundOne) {
  const TimingComparison comparison = samples::compared();
  const Axis axis = ratio_axis(comparison.rows);
  EXPECT_NEAR(axis.place(1), 50, 1e-9);
  for (const TimingRow& row : comparison.rows) {
    if (!drawable(row)) continue;
    const RatioMark mark = ratio_mark(row, axis);
    EXPECT_LE(mark.low, mark.value) << row.id;
    EXPECT_LE(mark.value, mark.high) << row.id;
    EXPECT_NEAR(mark.margin_low + mark.margin_high, 100, 1e-6) << "symmetric: as B / A or A / B";
    EXPECT_LE(mark.noise_high, mark.margin_high);
    if (row.outcome == Outcome::kRegressed) {
      EXPECT_GT(mark.value, mark.margin_high) << row.id;
    }
    if (row.outcome == Outcome::kImproved) {
      EXPECT_LT(mark.value, mark.margin_low) << row.id;
    }
    if (row.outcome == Outcome::kEquivalent) {
      EXPECT_GT(mark.value, mark.margin_low) << row.id;
      EXPECT_LT(mark.value, mark.margin_high) << row.id;
    }
  }
}

TEST(Ratios, OneThatIsFarOffDoesNotPressTheOthers) {
  TimingComparison comparison = samples::compared();
  comparison.rows[0].ratio = {40, 38, 42};
  const Axis axis = ratio_axis(comparison.rows);
  EXPECT_LT(axis.high(), 3);
  const RatioMark mark = ratio_mark(comparison.rows[0], axis);
  EXPECT_TRUE(mark.off_right);
  EXPECT_EQ(mark.value, kLast);
}

TEST(Ratios, WorstFirst) {
  const TimingComparison comparison = samples::compared();
  const auto order = worst_first(comparison.rows);
  ASSERT_EQ(order.size(), comparison.rows.size());
  EXPECT_EQ(order[0]->id, "kvm.path.pv-eoi") << "the larger of two regressions";
  EXPECT_EQ(order[1]->id, "kvm.path.pio-user");
  EXPECT_EQ(order[2]->outcome, Outcome::kImproved);
  EXPECT_EQ(order.back()->outcome, Outcome::kNotComparable);
  EXPECT_EQ(worst_first(samples::absurd_comparison().rows).size(), comparison.rows.size());
}

TEST(Ratios, ChangesAreWordedForPeople) {
  EXPECT_EQ(change_text(1.052), "+5.2 %");
  EXPECT_EQ(change_text(.91), "-9.0 %");
  EXPECT_EQ(change_text(1), "0 %");
  EXPECT_EQ(change_text(1.0002), "+0.02 %");
  EXPECT_EQ(change_text(40), "40x");
  EXPECT_EQ(change_text(kNaN), "–");
}

}  // namespace
}  // namespace hypervet::reports::html
