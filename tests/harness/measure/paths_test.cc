// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/paths.h"

#include <gtest/gtest.h>

#include "tests/harness/measure/noise_model.h"

namespace hypervet::measure {
namespace {

using reports::Path;

Path path(const std::string& id, std::vector<double> samples) {
  Path p;
  p.id = id;
  p.unit = "ns";
  p.launches = {std::move(samples)};
  return p;
}

Path failed(const std::string& id, const std::string& why) {
  Path p;
  p.id = id;
  p.reason = why;
  return p;
}

TEST(Paths, LaunchesAreAdded) {
  std::vector<Path> paths;
  add_launch(paths, {path("a", {1, 2}), path("b", {5})}, 1);
  add_launch(paths, {path("b", {6}), path("a", {3})}, 2);
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(paths[0].launches, (Launches{{1, 2}, {3}}));
  EXPECT_EQ(paths[1].launches, (Launches{{5}, {6}}));
}

TEST(Paths, WhatFailsOnceHasNoFigures) {
  std::vector<Path> paths;
  add_launch(paths, {path("a", {1}), path("b", {1}), failed("c", "no hook")}, 1);
  add_launch(paths, {failed("a", "hangs"), path("c", {1}), path("d", {1})}, 2);
  add_launch(paths, {path("a", {1}), path("b", {1}), path("c", {1}), path("d", {1})}, 3);
  complete(paths);
  ASSERT_EQ(paths.size(), 4u);
  EXPECT_EQ(paths[0].reason, "in launch 2: hangs");
  EXPECT_EQ(paths[1].reason, "in launch 2: not timed");
  EXPECT_EQ(paths[2].reason, "no hook");
  EXPECT_EQ(paths[3].reason, "in launch 1: not timed");
  for (const Path& p : paths) {
    EXPECT_TRUE(p.launches.empty()) << p.id;
    EXPECT_FALSE(p.measured());
  }
}

TEST(Paths, FiguresNoiseFloorAndDividendAreComputed) {
  const auto session = testing::simulate({}, 1, 15, 101, 5);
  std::vector<Path> paths = {session.a.paths[0], session.a.paths[0], path("empty", {})};
  paths[1].id = "dear";
  for (auto& samples : paths[1].launches)
    for (double& sample : samples) sample *= 3;
  paths[0].contrast = "dear";
  paths[1].contrast = "absent";
  complete(paths);
  EXPECT_EQ(paths[0].samples, 15u * 101);
  EXPECT_NEAR(paths[0].median, 1000, 20);
  EXPECT_GT(paths[0].noise_floor, 0.002);
  ASSERT_TRUE(paths[0].dividend);
  EXPECT_DOUBLE_EQ(paths[0].dividend->value, 3);
  EXPECT_LT(paths[0].dividend->low, 3);
  EXPECT_GT(paths[0].dividend->high, 3);
  EXPECT_GT(paths[0].dividend->low, 2.95) << "the same launches: their shifts cancel";
  EXPECT_FALSE(paths[1].dividend);
  EXPECT_EQ(paths[2].reason, "no samples were taken");
}

TEST(Paths, OneLaunchHasADividendToo) {
  std::vector<double> cheap;
  std::vector<double> dear;
  for (int i = 0; i < 1000; ++i) {
    cheap.push_back(100 + i % 7);
    dear.push_back(500 + i % 11);
  }
  const auto d = dividend({cheap}, {dear}, 1000, 1);
  ASSERT_TRUE(d);
  EXPECT_DOUBLE_EQ(d->value, 505.0 / 103);
  EXPECT_LT(d->low, d->high);
  EXPECT_GT(d->low, 4.8);
  EXPECT_LT(d->high, 5.0);
  EXPECT_FALSE(dividend({{0, 0, 0}}, {dear}, 1000, 1));
  EXPECT_FALSE(dividend({}, {dear}, 1000, 1));
}

TEST(Paths, EqualSamplesGiveExactFigures) {
  std::vector<Path> paths = {path("hook", std::vector<double>(1000, 1000)),
                             path("trap", std::vector<double>(1000, 4000))};
  paths[0].contrast = "trap";
  complete(paths);
  EXPECT_EQ(paths[0].median, 1000);
  EXPECT_EQ(paths[0].spread, 0);
  EXPECT_EQ(paths[0].noise_floor, 0);
  EXPECT_EQ(paths[0].dividend, (reports::Dividend{4, 4, 4}));
}

}  // namespace
}  // namespace hypervet::measure
