// SPDX-License-Identifier: Apache-2.0
#include "harness/run/select.h"

#include <gmock/gmock.h>

#include "harness/spec/load.h"

namespace hypervet::run {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kSpec = R"(
interface: a.one
title: One
source: {document: d, version: v}
clauses:
  - {id: a.one.x, level: must, section: s, text: t,
     cases: [{for: {n: 1..3}, steps: [{cpuid: {leaf: n}, expect: {eax: 0}}]}],
     violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.y, level: should, section: s, text: t,
     cases: [{steps: [{cpuid: {leaf: 1}, expect: {eax: 0}}]}],
     violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.z, level: must, section: s, text: t, untestable: because}
)";

class SelectTest : public testing::Test {
 protected:
  SelectTest() : specs_(*spec::load_text(kSpec, "a.yaml")) {}

  std::vector<std::string> ids(const Selection& selection) {
    std::vector<std::string> ids;
    const auto selected = select(specs_, selection);
    EXPECT_TRUE(selected) << (selected ? "" : selected.error());
    if (!selected) return ids;
    for (const auto& instance : *selected) ids.push_back(instance.id);
    return ids;
  }

  spec::Specs specs_;
};

TEST(MatchesTest, WildcardsAreStarAndQuestionMarkAlone) {
  EXPECT_TRUE(matches("kvm.*", "kvm.hypercall"));
  EXPECT_TRUE(matches("*[n=1]", "a.one.x[n=1]"));
  EXPECT_FALSE(matches("*[12]", "a.one.x1"));
  EXPECT_TRUE(matches("a.on?.x", "a.one.x"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("**", ""));
  EXPECT_TRUE(matches("*a*b*c*", "xxaxxbxxcxx"));
}

TEST_F(SelectTest, NothingSaidSelectsEveryInstanceInTheOrderOfTheSpecs) {
  EXPECT_THAT(ids({}), ElementsAre("a.one.x[n=1]", "a.one.x[n=2]", "a.one.x[n=3]", "a.one.y"));
}

TEST_F(SelectTest, AGlobNamesAnInstanceAClauseOrAnInterface) {
  EXPECT_THAT(ids({.globs = {"a.one.x[n=2]"}}), ElementsAre("a.one.x[n=2]"));
  EXPECT_THAT(ids({.globs = {"a.one.x"}}),
              ElementsAre("a.one.x[n=1]", "a.one.x[n=2]", "a.one.x[n=3]"));
  EXPECT_THAT(ids({.globs = {"a.one"}}).size(), 4);
}

TEST_F(SelectTest, AGlobThatMatchesNothingIsNamed) {
  const auto none = select(specs_, {.globs = {"a.one.y", "b.*"}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), "no clause or case matches 'b.*'");
}

TEST_F(SelectTest, LevelMeansThisAndStronger) {
  EXPECT_EQ(ids({.level = spec::Level::kMust}).size(), 3);
  EXPECT_EQ(ids({.level = spec::Level::kShould}).size(), 4);
}

TEST_F(SelectTest, ShardsPartTheWhole) {
  EXPECT_THAT(ids({.shard = {1, 2}}), ElementsAre("a.one.x[n=1]", "a.one.x[n=3]"));
  EXPECT_THAT(ids({.shard = {2, 2}}), ElementsAre("a.one.x[n=2]", "a.one.y"));
  EXPECT_THAT(ids({.shard = {5, 5}}), IsEmpty());
}

TEST_F(SelectTest, ClausesWithoutCasesCanBeNamedToo) {
  EXPECT_EQ(select_clauses(specs_, {"a.one.z"})->size(), 1);
  EXPECT_EQ(select_clauses(specs_, {})->size(), 3);
  EXPECT_FALSE(select_clauses(specs_, {"nobody"}));
}

TEST(ParseShardTest, TakesTwoNumbersInOrder) {
  EXPECT_EQ(parse_shard("2/3")->index, 2);
  EXPECT_EQ(parse_shard("2/3")->count, 3);
  for (const char* bad :
       {"", "/", "1", "0/1", "2/1", "1/", "/2", "a/b", "1/2x", "-1/2", "1/2/3", "99999999999/1"}) {
    EXPECT_FALSE(parse_shard(bad)) << bad;
  }
}

}  // namespace
}  // namespace hypervet::run
