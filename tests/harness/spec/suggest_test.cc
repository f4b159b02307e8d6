// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace hypervet::spec {
namespace {

TEST(DidYouMean, TheNearestWordIfItIsNear) {
  const std::vector<std::string> known = {"rdmsr", "wrmsr", "hypercall"};
  EXPECT_EQ(did_you_mean("rdsmr", known), ", did you mean 'rdmsr'?");
  EXPECT_EQ(did_you_mean("hypercal", known), ", did you mean 'hypercall'?");
  EXPECT_EQ(did_you_mean("frobnicate", known), "");
  EXPECT_EQ(did_you_mean("", known), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'x'), known), "");
}

TEST(OneOf, ReadsAsASentence) {
  const std::vector<std::string_view> words = {"a", "b", "c"};
  EXPECT_EQ(one_of(words), "a, b or c");
  EXPECT_EQ(one_of(std::span(words).first(2)), "a or b");
  EXPECT_EQ(one_of(std::span(words).first(1)), "a");
}

}  // namespace
}  // namespace hypervet::spec
