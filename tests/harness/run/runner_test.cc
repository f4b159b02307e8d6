// SPDX-License-Identifier: Apache-2.0
#include "harness/run/runner.h"

#include <gmock/gmock.h>

#include "harness/spec/load.h"

namespace hypervet::run {
namespace {

using reports::Verdict;

constexpr const char* kSpec = R"(
interface: a.one
title: One
source: {document: d, version: v}
features: {a.feature: {cpuid: {leaf: 7, register: ebx, bit: 0}}}
clauses:
  - {id: a.one.needs-feature, level: must, section: s, text: t, requires: [a.feature],
     cases: [{steps: [{cpuid: {leaf: 1}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.needs-cpus, level: must, section: s, text: t,
     cases: [{machine: {cpus: 4}, steps: [{cpuid: {leaf: 1}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.needs-setting, level: must, section: s, text: t,
     cases: [{machine: {host-clock: other}, steps: [{cpuid: {leaf: 1}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.needs-verb, level: must, section: s, text: t,
     cases: [{steps: [{host: {pause-clock: {}}}, {cpuid: {leaf: 1}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, eax: 1}}]}
  - {id: a.one.breaks, level: must, section: s, text: t,
     cases: [{for: {n: 1..20}, steps: [{cpuid: {leaf: n}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, eax: 1}}]}
)";

// A backend on which everything breaks in the backend's own side.
class Broken final : public backends::Backend {
 public:
  std::string_view name() const override { return "broken"; }
  backends::Availability availability() const override { return {true, "", ""}; }
  backends::Target target() const override { return {"nobody", "nobody's", false}; }
  unsigned max_cpus() const override { return 2; }
  std::optional<std::string> refuses(const backends::Configuration& configuration) const override {
    if (configuration.settings.contains("host-clock")) return "has one clock only";
    return std::nullopt;
  }
  bool has(protocol::HostVerb) const override { return false; }
  backends::Outcome run(const backends::Job&) const override {
    backends::Outcome outcome;
    outcome.detail = "the wire is cut";
    return outcome;
  }
};

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() : specs_(*spec::load_text(kSpec, "a.yaml")), instances_(*select(specs_, {})) {
    session_.specs = &specs_;
    session_.backend = &backend_;
    session_.target = backend_.target();
  }
  spec::Specs specs_;
  std::vector<Instance> instances_;
  Broken backend_;
  Session session_;
  Invocation invocation_{"hypervet", {"hypervet"}, "0", "0", 1};
};

TEST_F(RunnerTest, SkipsNameWhatIsMissing) {
  std::vector<reports::Case> records;
  run_all(session_, invocation_, instances_, {2, false, nullptr}, [&](const reports::Case& record) {
    records.push_back(record);
    return true;
  });
  ASSERT_EQ(records.size(), instances_.size());
  EXPECT_EQ(records[0].reason, "the target does not offer a.feature (CPUID 0x7 EBX bit 0)");
  EXPECT_EQ(records[1].reason, "needs 4 CPUs, backend broken has at most 2");
  EXPECT_EQ(records[2].reason, "has one clock only");
  EXPECT_EQ(records[3].reason, "backend broken does not have the host verb pause-clock");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(records[i].verdict, Verdict::kSkip);
}

TEST_F(RunnerTest, ABrokenBackendIsAnErrorNeverAFailure) {
  const auto result = run_all(session_, invocation_, instances_, {2, true, nullptr},
                              [&](const reports::Case&) { return true; });
  EXPECT_EQ(result.counts[Verdict::kError], 20);
  EXPECT_EQ(result.counts.failures(), 0);
  EXPECT_EQ(exit_status({result.counts}), 3);
}

TEST_F(RunnerTest, RecordsAreMarkedBeforeTheyAreHandedOn) {
  RunOptions options{2, false, nullptr,
                     [](reports::Case& record) { record.marks.push_back(reports::Mark::kFlaky); }};
  const auto result =
      run_all(session_, invocation_, instances_, options,
              [](const reports::Case& record) { return record.has(reports::Mark::kFlaky); });
  EXPECT_EQ(result.executed, instances_.size());
}

TEST_F(RunnerTest, AnInterruptIsKept) {
  const std::atomic<bool> interrupt{true};
  const auto result = run_all(session_, invocation_, instances_, {2, false, &interrupt},
                              [&](const reports::Case&) { return true; });
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.executed, 0);
}

TEST_F(RunnerTest, ASessionOnABrokenBackendSaysWhy) {
  const auto session = open_session(specs_, backend_, 1, {});
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error(), testing::HasSubstr("the wire is cut"));
}

TEST(ExitStatusTest, NothingJudgedIsNotGreen) {
  const auto status = [](std::initializer_list<std::pair<Verdict, std::uint64_t>> verdicts) {
    reports::Counts counts;
    for (const auto& [verdict, number] : verdicts) counts[verdict] = number;
    return exit_status({counts});
  };
  EXPECT_EQ(status({{Verdict::kPass, 1}, {Verdict::kSkip, 9}}), 0);
  EXPECT_EQ(status({{Verdict::kSkip, 9}}), 3);
  EXPECT_EQ(status({}), 3);
  EXPECT_EQ(status({{Verdict::kPass, 1}, {Verdict::kError, 1}}), 3);
  EXPECT_EQ(status({{Verdict::kPass, 1}, {Verdict::kError, 1}, {Verdict::kHang, 1}}), 1);
  EXPECT_EQ(status({{Verdict::kPass, 1}, {Verdict::kCrash, 1}}), 1);
}

TEST(ExitStatusTest, AFailureComesBeforeAnErrorAndBothBeforeWaivers) {
  reports::Counts counts;
  counts[Verdict::kHang] = 2;
  EXPECT_EQ(exit_status({counts, 2, false}), 0) << "all waived, and something was judged";
  EXPECT_EQ(exit_status({counts, 1, false}), 1);
  EXPECT_EQ(exit_status({counts, 1, true}), 1);
  EXPECT_EQ(exit_status({counts, 2, true}), 4);
  counts[Verdict::kError] = 1;
  EXPECT_EQ(exit_status({counts, 2, true}), 3);
  EXPECT_EQ(exit_status({{}, 0, true}), 3) << "nothing was judged";
}

}  // namespace
}  // namespace hypervet::run
