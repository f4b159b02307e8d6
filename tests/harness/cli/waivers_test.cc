// SPDX-License-Identifier: Apache-2.0
// hypervet run --waivers, as a user has it: what is waived, what is loud, and the exit status.
#include <gmock/gmock.h>

#include <algorithm>

#include "reports/stream/reader.h"
#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using reports::Mark;
using ::testing::HasSubstr;
using ::testing::Not;

// A clause that holds on the model, one that does not, and one that the model cannot be asked.
constexpr const char* kMixed = R"(interface: t.mixed
title: Mixed
source: {document: none, version: "1"}
features: {t.never: {cpuid: {leaf: 1, register: ecx, bit: 4}}}
clauses:
  - {id: t.mixed.holds, level: must, section: s, text: t,
     cases: [{for: {n: 1..3}, steps: [{cpuid: {leaf: 0}, expect: {eax: nonzero}}]}], violations: [{v: {at: cpuid, leaf: 0, eax: 0}}]}
  - {id: t.mixed.fails, level: must, section: s, text: t,
     cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]}
  - {id: t.mixed.absent, level: must, section: s, text: t, requires: [t.never],
     cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]}
)";

struct Entry {
  std::string clauses = "t.mixed.fails";
  std::string verdict = "fail";
  std::string expires = "9999-12-31";
  std::string target = "'*'";
};

class WaiversTest : public ::testing::Test {
 protected:
  WaiversTest() { folder_.write("mixed.yaml", kMixed); }

  void waive(const std::vector<Entry>& entries) const {
    std::string text = "waivers:\n";
    for (const auto& entry : entries) {
      text += "  - clauses: ['" + entry.clauses + "']\n    target: " + entry.target +
              "\n    verdict: " + entry.verdict +
              "\n    reason: the model is right\n    issue: https://example.org/7\n"
              "    owner: me@example.org\n    expires: " +
              entry.expires + "\n";
    }
    folder_.write("w.yaml", text);
  }

  Result run(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"run",    "--specs",   "mixed.yaml", "--waivers",
                                      "w.yaml", "--results", "r.jsonl"};
    words.insert(words.end(), more.begin(), more.end());
    return execute(folder_, words);
  }

  reports::Results results(const std::string& name = "r.jsonl") const {
    auto read = reports::read_results_file(folder_.file(name));
    EXPECT_TRUE(read) << (read ? "" : reports::to_string(read.error()));
    return read ? read->results : reports::Results{};
  }
  reports::Case record(const std::string& id) const {
    const auto all = results();
    const auto found = std::ranges::find(all.cases, id, &reports::Case::id);
    return found == all.cases.end() ? reports::Case{} : *found;
  }

  Folder folder_;
};

TEST_F(WaiversTest, AWaivedFailureDoesNotCountAndIsNeverHidden) {
  waive({{}});
  const auto green = run({"--strict"});
  EXPECT_EQ(green.status, 0) << green.out << green.err;
  EXPECT_THAT(green.out, HasSubstr("3 pass, 1 fail (1 waived), 1 skip"));
  EXPECT_THAT(green.out, HasSubstr("waived fail t.mixed.fails: the model is right"));
  EXPECT_THAT(green.out, HasSubstr("Not conformant: green only through waivers, for 1 failure."));
  EXPECT_THAT(green.out, Not(HasSubstr("again:")));
  EXPECT_EQ(green.err, "");
  const auto waived = record("t.mixed.fails");
  EXPECT_TRUE(waived.has(Mark::kWaived));
  EXPECT_EQ(waived.waiver, (reports::Waiver{"the model is right", "https://example.org/7",
                                            "me@example.org", "9999-12-31"}));
  EXPECT_THAT(waived.reason, HasSubstr("expected")) << "the failure's own reason is kept";
  const auto summary = results().summary;
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->waived, 1);
  EXPECT_EQ(summary->counts.failures(), 1);
  EXPECT_FALSE(summary->conformant);
  EXPECT_EQ(summary->exit_status, 0);
}

TEST_F(WaiversTest, EveryReportShowsTheWaiver) {
  waive({{}});
  ASSERT_EQ(run().status, 0);
  for (const char* format : {"console", "html", "json", "junit", "ktap", "sarif"}) {
    const auto report = execute(folder_, {"report", "r.jsonl", "--format", format});
    EXPECT_EQ(report.status, 0) << report.err;
    for (const char* part : {"the model is right", "example.org", "me@example.org", "9999-12-31"})
      EXPECT_THAT(report.out, HasSubstr(part)) << format;
  }
}

TEST_F(WaiversTest, AnotherVerdictIsAFailure) {
  waive({{.verdict = "[hang, crash]"}});
  EXPECT_EQ(run().status, 1);
  EXPECT_FALSE(record("t.mixed.fails").has(Mark::kWaived));
}

TEST_F(WaiversTest, AnotherTargetIsNotConcerned) {
  waive({{.target = "'Linux * kvm_amd*'"}});
  EXPECT_EQ(run().status, 1);
}

TEST_F(WaiversTest, AnUnexpectedPassIsLoudAndStatusFourWhenStrict) {
  waive({{}, {.clauses = "t.mixed.holds[n=2]"}});
  const auto loose = run();
  EXPECT_EQ(loose.status, 0);
  EXPECT_THAT(loose.out, HasSubstr("unexpected pass t.mixed.holds[n=2]: a waiver expects"));
  EXPECT_THAT(loose.out, HasSubstr("3 pass (1 unexpected), 1 fail (1 waived)"));
  EXPECT_THAT(loose.err, HasSubstr("1 case passed although a waiver expects a failure"));
  EXPECT_TRUE(record("t.mixed.holds[n=2]").has(Mark::kUnexpectedPass));
  EXPECT_TRUE(record("t.mixed.holds[n=1]").marks.empty());
  EXPECT_EQ(results().summary->unexpected_pass, 1);
  EXPECT_EQ(run({"--strict"}).status, 4);
  EXPECT_EQ(results().summary->exit_status, 4);
  EXPECT_THAT(execute(folder_, {"report", "r.jsonl"}).out,
              HasSubstr("1 case passed although a waiver expects a failure"));
}

TEST_F(WaiversTest, ALapsedWaiverIsLoudAndWaivesNothing) {
  waive({{.expires = "2020-02-29"}});
  for (const bool strict : {false, true}) {
    const auto red =
        run(strict ? std::vector<std::string>{"--strict"} : std::vector<std::string>{});
    EXPECT_EQ(red.status, 1) << "a failure comes before a lapsed waiver";
    EXPECT_THAT(red.err,
                HasSubstr("w.yaml:2: waiver lapsed on 2020-02-29: t.mixed.fails: the "
                          "model is right (https://example.org/7; owner: me@example.org)"));
  }
  EXPECT_FALSE(record("t.mixed.fails").has(Mark::kWaived));
}

TEST_F(WaiversTest, ALapsedWaiverOfACaseThatPassesIsStatusFourWhenStrict) {
  waive({{.clauses = "t.mixed.holds", .expires = "2020-02-29"}});
  EXPECT_EQ(run({"t.mixed.holds", "--strict"}).status, 4);
  const auto loose = run({"t.mixed.holds"});
  EXPECT_EQ(loose.status, 0);
  EXPECT_THAT(loose.err, HasSubstr("waiver lapsed on 2020-02-29"));
  EXPECT_EQ(run({"t.mixed.holds[n=1]", "--strict"}).status, 4);
}

TEST_F(WaiversTest, AStaleGlobIsLoudInAWholeRunAlone) {
  waive({{}, {.clauses = "t.mixed.gone"}});
  const auto whole = run();
  EXPECT_EQ(whole.status, 0);
  EXPECT_THAT(whole.err, HasSubstr("w.yaml:9: stale waiver: no case matches 't.mixed.gone'"));
  EXPECT_EQ(run({"--strict"}).status, 4);
  for (const auto& part : std::vector<std::vector<std::string>>{
           {"t.mixed.*"}, {"--level", "must"}, {"--shard", "1/2"}}) {
    auto words = part;
    words.push_back("--strict");
    const auto partial = run(words);
    EXPECT_EQ(partial.status, 0) << partial.err;
    EXPECT_EQ(partial.err, "");
  }
}

TEST_F(WaiversTest, SkipsAreNeverWaived) {
  waive({{.clauses = "t.mixed.absent"}});
  EXPECT_EQ(run({"t.mixed.absent"}).status, 3) << "nothing was judged";
  EXPECT_TRUE(record("t.mixed.absent").marks.empty());
}

TEST_F(WaiversTest, FailFastGoesOnBehindAWaivedFailure) {
  waive({{}});
  EXPECT_EQ(run({"--fail-fast", "--jobs", "1"}).status, 0);
  EXPECT_EQ(results().cases.size(), 5);
}

TEST_F(WaiversTest, MarksOfAResumedStreamStayAndCount) {
  waive({{}});
  ASSERT_EQ(run({"--jobs", "1"}).status, 0);
  auto text = folder_.read("r.jsonl");
  text.resize(text.rfind("{\"type\":\"summary\""));
  folder_.write("r.jsonl", text);
  // Without the waivers: what was marked is marked.
  const auto resumed = execute(folder_, {"run", "--specs", "mixed.yaml", "--resume", "r.jsonl"});
  EXPECT_EQ(resumed.status, 0) << resumed.out << resumed.err;
  EXPECT_TRUE(record("t.mixed.fails").has(Mark::kWaived));
  EXPECT_EQ(results().summary->waived, 1);
}

TEST_F(WaiversTest, RerunTakesThemToo) {
  waive({{}});
  ASSERT_EQ(execute(folder_, {"run", "--specs", "mixed.yaml", "--results", "r.jsonl"}).status, 1);
  const auto again = execute(folder_, {"rerun", "r.jsonl", "--specs", "mixed.yaml", "--waivers",
                                       "w.yaml", "--results", "again.jsonl", "--strict"});
  EXPECT_EQ(again.status, 0) << again.out << again.err;
}

TEST_F(WaiversTest, BadFilesAreNamedAtTheirPlaceBeforeAnythingRuns) {
  waive({{.expires = "2027-02-30"}, {.verdict = "skip"}});
  const auto bad = run();
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.err, HasSubstr("w.yaml:8:14: expires is a day of the calendar"));
  EXPECT_THAT(bad.err, HasSubstr("\n    expires: 2027-02-30\n             ^\n"));
  EXPECT_THAT(bad.err, HasSubstr("w.yaml:11:14: verdict is fail, hang or crash, not 'skip'"));
  EXPECT_FALSE(folder_.has("r.jsonl"));
  EXPECT_EQ(execute(folder_, {"run", "--waivers", "/nonexistent.yaml"}).status, 2);
}

TEST_F(WaiversTest, SeveralFilesAddUp) {
  waive({{}});
  folder_.write("other.yaml", folder_.read("w.yaml"));
  const auto twice = run({"--waivers", "other.yaml"});
  EXPECT_EQ(twice.status, 2);
  EXPECT_THAT(twice.err, HasSubstr("other.yaml:2:5: the waiver does nothing: w.yaml:2:5 says"));
  waive({{.clauses = "t.mixed.holds[n=1]"}});
  EXPECT_EQ(run({"--waivers", "other.yaml"}).status, 0);
  EXPECT_EQ(results().summary->waived, 1);
  EXPECT_EQ(results().summary->unexpected_pass, 1);
}

}  // namespace
}  // namespace hypervet::testing
