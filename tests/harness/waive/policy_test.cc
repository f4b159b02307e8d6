// SPDX-License-Identifier: Apache-2.0
#include "harness/waive/policy.h"

#include <gmock/gmock.h>

#include "harness/spec/load.h"
#include "harness/waive/load.h"

namespace hypervet::waive {
namespace {

using reports::Mark;
using reports::Verdict;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kTarget = "Linux 6.12 kvm_amd (emulated SVM)";

constexpr const char* kWaivers = R"(
waivers:
  - clauses: ["a.one.x[n=1]", a.one.y]
    target: "Linux * kvm_amd*"
    verdict: fail
    reason: known
    issue: https://example.org/1
    owner: me
    expires: 2027-06-30
)";

constexpr const char* kSpec = R"(
interface: a.one
title: One
source: {document: d, version: v}
clauses:
  - {id: a.one.x, level: must, section: s, text: t,
     cases: [{for: {n: 1..3}, steps: [{cpuid: {leaf: n}, expect: {eax: 0}}]}],
     violations: [{v: {at: cpuid, eax: 1}}]}
)";

Policy policy(const char* today = "2027-06-30", const char* target = kTarget) {
  return {*load_text(kWaivers, "w.yaml"), target, *parse_day(today)};
}

reports::Case marked(const Policy& by, Verdict verdict, const char* id = "a.one.x[n=1]") {
  reports::Case record;
  record.id = id;
  record.clause = std::string(id).substr(0, 7);
  record.verdict = verdict;
  record.reason = "eax was 1";
  by.mark(record);
  return record;
}

TEST(PolicyTest, AnExpectedFailureIsWaivedAndKeepsItsOwnReason) {
  const auto record = marked(policy(), Verdict::kFail);
  EXPECT_THAT(record.marks, ElementsAre(Mark::kWaived));
  EXPECT_EQ(record.waiver, (reports::Waiver{"known", "https://example.org/1", "me", "2027-06-30"}));
  EXPECT_EQ(record.reason, "eax was 1");
  EXPECT_EQ(record.verdict, Verdict::kFail);
  EXPECT_THAT(marked(policy(), Verdict::kFail, "a.one.y/z[m=2]").marks, ElementsAre(Mark::kWaived))
      << "by its clause";
}

TEST(PolicyTest, AnotherFailureIsAFailure) {
  EXPECT_THAT(marked(policy(), Verdict::kHang).marks, IsEmpty());
  EXPECT_THAT(marked(policy(), Verdict::kCrash).marks, IsEmpty());
  EXPECT_FALSE(marked(policy(), Verdict::kHang).waiver);
}

TEST(PolicyTest, APassIsUnexpected) {
  const auto record = marked(policy(), Verdict::kPass);
  EXPECT_THAT(record.marks, ElementsAre(Mark::kUnexpectedPass));
  EXPECT_EQ(record.waiver->owner, "me");
}

TEST(PolicyTest, SkipAndErrorAreNeverTouched) {
  for (const auto verdict : {Verdict::kSkip, Verdict::kError}) {
    EXPECT_THAT(marked(policy(), verdict).marks, IsEmpty());
    EXPECT_FALSE(marked(policy(), verdict).waiver);
  }
}

TEST(PolicyTest, OtherCasesAndTargetsAreNotConcerned) {
  EXPECT_THAT(marked(policy(), Verdict::kFail, "a.one.x[n=2]").marks, IsEmpty());
  const auto elsewhere = policy("2027-06-30", "Linux 6.12 kvm_intel");
  EXPECT_THAT(marked(elsewhere, Verdict::kFail).marks, IsEmpty());
  EXPECT_THAT(marked(elsewhere, Verdict::kPass).marks, IsEmpty());
}

TEST(PolicyTest, TheLastDayCountsTheNextDoesNot) {
  EXPECT_THAT(marked(policy("2027-06-30"), Verdict::kFail).marks, ElementsAre(Mark::kWaived));
  EXPECT_THAT(marked(policy("2027-07-01"), Verdict::kFail).marks, IsEmpty());
  EXPECT_THAT(marked(policy("2027-07-01"), Verdict::kPass).marks, IsEmpty());
}

class ComplaintsTest : public testing::Test {
 protected:
  ComplaintsTest() : specs_(*spec::load_text(kSpec, "a.yaml")) {}
  std::vector<std::string> complaints(const Policy& of, const char* glob, bool whole) {
    return of.complaints(*run::select(specs_, {.globs = {glob}}), whole);
  }
  spec::Specs specs_;
};

TEST_F(ComplaintsTest, ALapsedWaiverThatNamesACaseOfTheRun) {
  const auto lapsed = policy("2027-07-01");
  EXPECT_THAT(complaints(lapsed, "a.one.x", false),
              ElementsAre("w.yaml:3: waiver lapsed on 2027-06-30: a.one.x[n=1]: known "
                          "(https://example.org/1; owner: me)"));
  EXPECT_THAT(complaints(lapsed, "a.one.x[n=2]", false), IsEmpty());
  EXPECT_THAT(complaints(policy("2027-07-01", "QEMU"), "a.one.x", false), IsEmpty());
}

TEST_F(ComplaintsTest, AGlobWithoutACaseIsStaleInAWholeRunAlone) {
  EXPECT_THAT(complaints(policy(), "a.one.x", true),
              ElementsAre("w.yaml:3: stale waiver: no case matches 'a.one.y' (owner: me)"));
  EXPECT_THAT(complaints(policy(), "a.one.x", false), IsEmpty());
  EXPECT_THAT(complaints(policy("2027-06-30", "QEMU"), "a.one.x", true), IsEmpty());
}

}  // namespace
}  // namespace hypervet::waive
