// SPDX-License-Identifier: Apache-2.0
#include "reports/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/headline.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const ClauseDigest& clause(const Digest& d, const std::string& id) {
  for (const InterfaceDigest& interface : d.interfaces) {
    for (const ClauseDigest& c : interface.clauses) {
      if (c.clause.id == id) return c;
    }
  }
  throw std::runtime_error("no clause " + id);
}

TEST(Digest, EveryClauseIsInExactlyOneState) {
  const Results results = samples::mixed();
  const Digest d = digest(results);
  EXPECT_EQ(clause(d, "kvm.hypercall.unknown-number").state, CellState::kJudged);
  EXPECT_EQ(clause(d, "kvm.hypercall.clock-pairing.fields").state, CellState::kSkipped);
  EXPECT_EQ(clause(d, "kvm.hypercall.clock-pairing.unknown-type").state, CellState::kError);
  EXPECT_EQ(clause(d, "kvm.hypercall.sched-yield.hint").state, CellState::kUntestable);
  EXPECT_EQ(clause(d, "kvm.hypercall.map-gpa-range.exit").state, CellState::kNoCase);
  EXPECT_EQ(
      coverage_line(d.coverage),
      "10 of 15 clauses judged; 1 untestable, 2 without a case, 1 skipped, 1 ended in errors");
  const Coverage& c = d.coverage;
  EXPECT_EQ(c.judged + c.skipped + c.errors + c.not_run + c.untestable + c.no_case, c.clauses);
}

TEST(Digest, VerdictOfAClauseIsTheWorstOfItsCases) {
  const Results results = samples::mixed();
  const Digest d = digest(results);
  EXPECT_EQ(clause(d, "kvm.hypercall.unknown-number").verdict, Verdict::kFail);
  EXPECT_EQ(clause(d, "kvm.hypercall.user-mode").verdict, Verdict::kCrash);
  EXPECT_TRUE(clause(d, "kvm.hypercall.kick-cpu.flags-reserved").waived);
  EXPECT_FALSE(clause(d, "kvm.hypercall.unknown-number").waived);
  EXPECT_FALSE(clause(d, "virtio.blk.capacity.change-interrupt").verdict);
  EXPECT_EQ(d.counts, count(results.cases));
}

TEST(Digest, PlannedButNotExecutedIsNotRunAndIncomplete) {
  Results results = samples::mixed();
  results.cases.clear();
  results.summary.reset();
  const Digest d = digest(results);
  EXPECT_FALSE(d.complete);
  EXPECT_EQ(clause(d, "kvm.clock.monotonic").state, CellState::kNotRun);
  EXPECT_EQ(clause(d, "kvm.hypercall.map-gpa-range.exit").state, CellState::kNoCase);
  EXPECT_EQ(d.planned, 18u);
}

TEST(Digest, CasesWithoutAnInterfaceRecordAreNotLost) {
  Results results = samples::mixed();
  results.interfaces.clear();
  const Digest d = digest(results);
  EXPECT_EQ(d.interfaces.size(), 3u);
  EXPECT_EQ(d.counts.total(), 18u);
  EXPECT_EQ(clause(d, "kvm.clock.wall-clock.once").clause.level, Level::kShould);
}

TEST(Digest, OneClauseOfTwoProvidersIsCreditedToEach) {
  Results results;
  for (const auto& [provider, verdict] : {std::pair{"A", Verdict::kPass}, {"B", Verdict::kFail}}) {
    Case c;
    c.id = std::string("x.y/") + provider;
    c.clause = "x.y";
    c.interface = "x";
    c.provider = provider;
    c.verdict = verdict;
    results.cases.push_back(c);
  }
  samples::summarize(results);
  const Digest d = digest(results);
  ASSERT_EQ(d.providers.size(), 2u);
  EXPECT_EQ(d.providers[0].judged_clauses, 1u);
  EXPECT_EQ(d.providers[0].violated_clauses, 0u);
  EXPECT_EQ(d.providers[1].violated_clauses, 1u);
  const Headline h = headline(d);
  EXPECT_EQ(h.standing, Standing::kViolates);
  EXPECT_EQ(h.sentences[0].text, "B does not conform: it violates the 1 clause judged.");
  EXPECT_EQ(h.sentences[1].text, "A conforms to the 1 clause judged.");
}

TEST(Headline, NamesWhoIsJudgedAndKeepsTheReferenceModelApart) {
  const Headline h = headline(digest(samples::mixed()));
  EXPECT_EQ(h.standing, Standing::kViolates);
  ASSERT_EQ(h.sentences.size(), 2u);
  EXPECT_EQ(h.sentences[0].text,
            "host kernel: Linux 6.1.0-31 kvm_amd does not conform: it violates 3 of the 8 clauses "
            "judged, not "
            "counting 1 waived violation.");
  EXPECT_EQ(h.sentences[1].standing, Standing::kReferenceModel);
  EXPECT_THAT(h.sentences[1].text, HasSubstr("no hypervisor was judged"));
}

TEST(Headline, PassOfTheReferenceModelIsNeverCalledConforming) {
  const Headline h = headline(digest(samples::reference_model()));
  EXPECT_EQ(h.standing, Standing::kReferenceModel);
  EXPECT_EQ(badge(h.standing), "No hypervisor judged");
  EXPECT_THAT(h.sentences[0].text, Not(HasSubstr("conform")));
}

// The provider of reference_model(), given the name of a hypervisor.
Results passing() {
  Results results = samples::reference_model();
  results.run.provider = "KVM";
  for (Case& c : results.cases) c.provider = "KVM";
  return results;
}

Headline headline_with(Verdict verdict) {
  Results results = passing();
  for (Case& c : results.cases) c.verdict = verdict;
  samples::summarize(results);
  return headline(digest(results));
}

TEST(Headline, OnlyPassesConform) {
  EXPECT_EQ(headline(digest(passing())).standing, Standing::kConforms);
  EXPECT_EQ(headline(digest(passing())).sentences[0].text, "KVM conforms to all 4 clauses judged.");
  for (Verdict verdict : {Verdict::kFail, Verdict::kHang, Verdict::kCrash}) {
    EXPECT_EQ(headline_with(verdict).standing, Standing::kViolates);
  }
}

TEST(Headline, SkippingEverythingIsNotGreen) {
  const Headline h = headline_with(Verdict::kSkip);
  EXPECT_EQ(h.standing, Standing::kNothingJudged);
  EXPECT_EQ(h.sentences[0].text, "Nothing was judged of KVM: 5 cases skipped, 0 ended in errors.");
  EXPECT_EQ(headline_with(Verdict::kError).standing, Standing::kNothingJudged);
  Results empty = passing();
  empty.cases.clear();
  EXPECT_EQ(headline(digest(empty)).standing, Standing::kNothingJudged);
}

TEST(Headline, AnErrorOrAnInterruptionLeavesItOpen) {
  Results with_error = passing();
  with_error.cases[0].verdict = Verdict::kError;
  samples::summarize(with_error);
  EXPECT_EQ(headline(digest(with_error)).standing, Standing::kInconclusive);

  Results interrupted = passing();
  interrupted.cases.pop_back();
  interrupted.summary.reset();
  const Headline h = headline(digest(interrupted));
  EXPECT_EQ(h.standing, Standing::kInconclusive);
  EXPECT_EQ(h.cautions.at(0), "The run did not finish: 4 of 5 planned cases executed.");
}

TEST(Headline, WaivedViolationsAreToldButDoNotCount) {
  Results results = passing();
  results.cases[0].verdict = Verdict::kFail;
  results.cases[0].marks = {Mark::kWaived};
  samples::summarize(results);
  const Headline h = headline(digest(results));
  EXPECT_EQ(h.standing, Standing::kWaived) << "never called conforming";
  EXPECT_EQ(h.sentences[0].text,
            "KVM is green only through waivers: 3 of the 4 clauses judged hold, 1 violation is "
            "waived.");
}

}  // namespace
}  // namespace hypervet::reports
