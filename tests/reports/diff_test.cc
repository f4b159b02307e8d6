// SPDX-License-Identifier: Apache-2.0
#include "reports/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <sstream>

#include "reports/diff_writers.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Case with(Verdict verdict, const char* observed = "") {
  Case c;
  c.verdict = verdict;
  c.observed = observed;
  return c;
}

Change became(const Case& before, const Case& after) { return change_of(&before, &after); }
Change became(Verdict before, Verdict after) { return became(with(before), with(after)); }

TEST(Change, EveryPairOfVerdictsHasItsGroup) {
  constexpr Change W = Change::kWorse, K = Change::kOtherKind, N = Change::kNewlyJudged,
                   L = Change::kNoLongerJudged, B = Change::kBetter, O = Change::kNone;
  const Change expected[kVerdictCount][kVerdictCount] = {// to:   pass fail hang crash skip error
                                                         /* pass */ {O, W, W, W, L, W},
                                                         /* fail */ {B, O, W, W, L, L},
                                                         /* hang */ {B, K, O, W, L, L},
                                                         /* crash */ {B, K, K, O, L, L},
                                                         /* skip */ {N, N, N, N, O, K},
                                                         /* error */ {N, N, N, N, K, O}};
  for (const Verdict a : kVerdicts) {
    for (const Verdict b : kVerdicts) {
      EXPECT_EQ(became(a, b), expected[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)])
          << name(a) << " to " << name(b);
    }
  }
  const Case c;
  EXPECT_EQ(change_of(&c, nullptr), Change::kOnlyBefore);
  EXPECT_EQ(change_of(nullptr, &c), Change::kOnlyAfter);
}

TEST(Change, AFailureThatObservesSomethingElseDiffers) {
  EXPECT_EQ(became(with(Verdict::kFail, "rax = 1"), with(Verdict::kFail, "rax = 1")),
            Change::kNone);
  EXPECT_EQ(became(with(Verdict::kFail, "rax = 1"), with(Verdict::kFail, "rax = 2")),
            Change::kOtherValue);
  EXPECT_EQ(became(with(Verdict::kPass, "rax = 1"), with(Verdict::kPass, "rax = 2")), Change::kNone)
      << "what a pass observed is within the clause";
  Case a = with(Verdict::kCrash), b = with(Verdict::kCrash);
  a.reason = "triple fault";
  b.reason = "the VMM died";
  EXPECT_EQ(became(a, b), Change::kOtherValue) << "nothing observed: the reason tells";
}

// mixed() with one change of every kind.
Results later() {
  Results results = samples::mixed();
  auto& cases = results.cases;
  cases[0].verdict = Verdict::kFail;        // unknown-number nr=13: worse
  cases[1].verdict = Verdict::kCrash;       // unknown-number nr=999: worse, graver
  cases[2].observed = "rcx = 1 (was 0x2)";  // unknown-number nr=0xffffffff: differently
  cases[4].verdict = Verdict::kHang;        // user-mode nr=5, crashed: kind
  cases[5].verdict = Verdict::kPass;        // kick-cpu.wakes: better
  cases[7].verdict = Verdict::kPass;        // clock-pairing.fields: newly judged
  cases[9].verdict = Verdict::kSkip;        // version-even msr=0x12: no longer judged
  cases[17].id += " once more";             // unknown-request pci: one only in A, one only in B
  samples::summarize(results);
  return results;
}

TEST(Comparison, GroupsAreOrderedWorstFirst) {
  const Results a = samples::mixed(), b = later();
  const Comparison comparison(a, b);
  std::vector<Change> changes;
  for (const CasePair& pair : comparison.differences()) changes.push_back(pair.change);
  EXPECT_THAT(changes,
              ElementsAre(Change::kWorse, Change::kWorse, Change::kOtherKind, Change::kOtherValue,
                          Change::kNewlyJudged, Change::kNoLongerJudged, Change::kBetter,
                          Change::kOnlyBefore, Change::kOnlyAfter));
  EXPECT_EQ(comparison.differences()[0].after->verdict, Verdict::kCrash) << "the gravest first";
  EXPECT_EQ(comparison.differences()[0].before->id, comparison.differences()[0].after->id);
  EXPECT_EQ(comparison.differences()[7].after, nullptr);
  EXPECT_EQ(comparison.differences()[8].before, nullptr);
  EXPECT_EQ(comparison.count(Change::kWorse), 2u);
  EXPECT_EQ(comparison.count(Change::kNone), 10u);
  EXPECT_EQ(comparison.unchanged()[Verdict::kPass], 8u);
  EXPECT_EQ(comparison.judged_in_both(), 14u);
  EXPECT_EQ(comparison.tally(),
            "2 got worse, 1 changed in kind, 1 still failing, differently, 1 newly judged, 1 no "
            "longer judged, 1 got better, 1 only in A, 1 only in B; 10 unchanged (8 pass, 1 fail, "
            "1 error)");
  EXPECT_THAT(comparison.cautions(), IsEmpty());
}

TEST(Comparison, ClausesArePairedAndHaveTheirWorstChange) {
  Results a = samples::mixed();
  const Results b = later();
  a.interfaces[1].clauses.push_back({"kvm.clock.gone", Level::kMay, "", "", {}, 0});
  const Comparison comparison(a, b);
  ASSERT_EQ(comparison.interfaces().size(), 3u);
  const ClausePair& unknown = comparison.interfaces()[0].clauses[0];
  EXPECT_EQ(unknown.cases.size(), 3u);
  EXPECT_EQ(unknown.change, Change::kWorse);
  const ClausePair& gone = comparison.interfaces()[1].clauses.back();
  EXPECT_EQ(gone.any().clause.id, "kvm.clock.gone");
  EXPECT_EQ(gone.after, nullptr);
  EXPECT_EQ(gone.change, Change::kNone);
}

TEST(Comparison, TellsWhatElseDiffersAndWhatIsMissing) {
  const Results a = samples::mixed();
  Results b = a;
  b.run.spec_hash = "other";
  b.run.payload_hash = "";
  b.cases.resize(4);
  b.summary.reset();
  const Comparison comparison(a, b);
  EXPECT_THAT(comparison.cautions(),
              ElementsAre(HasSubstr("The specs differ (A: sha256:8c1f0d6a52f3b9e7, B: other)"),
                          HasSubstr("B: unknown"),
                          "B did not finish: 4 of 18 planned cases executed; what is there is "
                          "compared."));
  EXPECT_EQ(comparison.count(Change::kOnlyBefore), 14u);
  const Results empty;
  const Comparison nothing(empty, empty);
  EXPECT_EQ(nothing.judged_in_both(), 0u);
  EXPECT_THAT(nothing.cautions().back(), HasSubstr("nothing was compared"));
  EXPECT_EQ(nothing.tally(), "no difference; 0 unchanged");
}

std::string json_of(const Results& a, const Results& b) {
  std::ostringstream out;
  EXPECT_TRUE(find_diff_format("json")->write(Comparison(a, b), out));
  return out.str();
}

TEST(DiffJson, HoldsBothRecordsOfEachDifference) {
  const auto document = nlohmann::json::parse(json_of(samples::mixed(), later()));
  EXPECT_EQ(document["counts"]["worse"], 2);
  EXPECT_EQ(document["counts"]["unchanged"], 10);
  ASSERT_EQ(document["differences"].size(), 9u);
  const auto& kind = document["differences"][2];
  EXPECT_EQ(kind["change"], "other-kind");
  EXPECT_EQ(kind["a"]["verdict"], "crash");
  EXPECT_EQ(kind["b"]["verdict"], "hang");
  EXPECT_TRUE(document["differences"][7]["b"].is_null());
  EXPECT_EQ(document["a"]["run"]["target"], "Linux 6.1.0-31 kvm_amd");
  EXPECT_TRUE(nlohmann::json::accept(json_of(samples::hostile(), samples::mixed())));
}

TEST(DiffFormats, AreFoundByNameAndNameThePathThatFails) {
  EXPECT_EQ(diff_format_names(), "html, json");
  EXPECT_EQ(find_diff_format("junit"), nullptr);
  const Results a = samples::mixed();
  EXPECT_EQ(write_diff(*find_diff_format("html"), Comparison(a, a), "/dev/full").error(),
            "/dev/full: cannot write the html report: No space left on device");
}

// Ten times the cases take less than thirty times the processor time.
TEST(Comparison, CostIsLinear) {
  const auto seconds_for = [](std::size_t cases) {
    const Results a = samples::large(cases);
    Results b = a;
    for (Case& c : b.cases) {
      if (c.verdict == Verdict::kPass) c.verdict = Verdict::kFail;
    }
    const std::clock_t start = std::clock();
    const Comparison comparison(a, b);
    std::ostringstream out;
    EXPECT_TRUE(write_diff_html(comparison, out));
    EXPECT_GT(comparison.count(Change::kWorse), cases / 2);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const double small = seconds_for(500);
  EXPECT_LT(seconds_for(5'000), 30 * small + 0.1);
}

}  // namespace
}  // namespace hypervet::reports
