// SPDX-License-Identifier: Apache-2.0
#include "harness/run/case_list.h"

#include <gmock/gmock.h>

#include "harness/spec/load.h"

namespace hypervet::run {
namespace {

using testing::ElementsAre;

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
)";

class CaseListTest : public testing::Test {
 protected:
  CaseListTest() : specs_(*spec::load_text(kSpec, "a.yaml")) {}
  std::string error(std::string_view text) {
    const auto listed = select_listed(specs_, text, "list");
    return listed ? "" : listed.error();
  }
  spec::Specs specs_;
};

TEST_F(CaseListTest, TheOrderIsTheLists) {
  const auto listed =
      select_listed(specs_, "# these\n\na.one.y\r\n  a.one.x[n=3]  \na.one.x[n=1]", "list");
  ASSERT_TRUE(listed) << listed.error();
  std::vector<std::string> ids;
  for (const auto& instance : *listed) ids.push_back(instance.id);
  EXPECT_THAT(ids, ElementsAre("a.one.y", "a.one.x[n=3]", "a.one.x[n=1]"));
}

TEST_F(CaseListTest, MistakesAreNamedByLine) {
  EXPECT_EQ(error("a.one.y\n\na.one.x\n"), "list:3: no case has the id 'a.one.x'");
  EXPECT_EQ(error("a.one.*\n"), "list:1: no case has the id 'a.one.*'");
  EXPECT_EQ(error("a.one.y\n#\na.one.y\n"), "list:3: 'a.one.y' stands in line 1 already");
  EXPECT_EQ(error(""), "list: lists no case");
  EXPECT_EQ(error("# none\n"), "list: lists no case");
}

}  // namespace
}  // namespace hypervet::run
