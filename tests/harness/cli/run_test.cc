// SPDX-License-Identifier: Apache-2.0
// hypervet run and rerun, as a user has them.
#include <gmock/gmock.h>

#include <regex>

#include "reports/stream/reader.h"
#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

reports::Results results(const Folder& folder, const std::string& name) {
  auto read = reports::read_results_file(folder.file(name));
  EXPECT_TRUE(read) << (read ? "" : reports::to_string(read.error()));
  return read ? read->results : reports::Results{};
}

// The stream without what tells of wall time or of how it was asked for.
std::string timeless(std::string stream) {
  for (const char* field :
       {"\"duration_ns\":[0-9]+", "\"wall_ns\":[0-9]+", "\"started\":\"[^\"]*\"", "\"jobs\":[0-9]+",
        "\"command_line\":\\[[^\\]]*\\]"}) {
    stream = std::regex_replace(stream, std::regex(field), "\"-\":0");
  }
  return stream;
}

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

TEST(RunTest, WithoutArgumentsEveryClauseHoldsOnTheModelAndAReportIsLeft) {
  Folder folder;
  const auto run = execute(folder, {"run"});
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("no hypervisor was judged"));
  EXPECT_TRUE(folder.has("hypervet-results/sim.html"));
  const auto all = results(folder, "hypervet-results/sim.jsonl");
  EXPECT_TRUE(all.complete());
  EXPECT_GE(all.cases.size(), 200);
  EXPECT_EQ(all.cases.size(), all.run.planned);
  // A case may find by itself that it has nothing to ask of this model's device.
  for (const auto& record : all.cases) {
    if (record.verdict == reports::Verdict::kSkip && record.id.starts_with("virtio."))
      EXPECT_NE(record.reason, "") << record.id;
    else
      EXPECT_EQ(record.verdict, reports::Verdict::kPass) << record.id;
  }
}

TEST(RunTest, TheSameSeedGivesTheSameStreamWhateverTheJobs) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "--jobs", "1", "--results", "a.jsonl", "--seed", "7"}).status,
            0);
  ASSERT_EQ(execute(folder, {"run", "--jobs", "3", "--results", "b.jsonl", "--seed", "7"}).status,
            0);
  EXPECT_EQ(timeless(folder.read("a.jsonl")), timeless(folder.read("b.jsonl")));
}

TEST(RunTest, AnotherSeedGivesTheSameVerdicts) {
  Folder folder;
  for (const char* seed : {"2", "3", "12345678901"}) {
    const auto run = execute(folder, {"run", "--seed", seed});
    EXPECT_EQ(run.status, 0) << "seed " << seed << "\n" << run.out;
  }
}

TEST(RunTest, TheSerialChannelBringsTheSameVerdicts) {
  Folder folder;
  const auto run = execute(folder, {"run", "--channel", "serial"});
  EXPECT_EQ(run.status, 0) << run.out;
}

TEST(RunTest, FailuresSkipsAndTheStatusAreToldApart) {
  Folder folder;
  folder.write("mixed.yaml", kMixed);
  const auto run = execute(folder, {"run", "--specs", "mixed.yaml", "--results", "r.jsonl"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out, HasSubstr("3 pass, 1 fail, 1 skip"));
  EXPECT_THAT(run.out, HasSubstr("run 't.mixed.fails' --backend sim --seed 1"));
  const auto all = results(folder, "r.jsonl");
  const auto find = [&](const std::string& id) {
    return *std::ranges::find(all.cases, id, &reports::Case::id);
  };
  EXPECT_EQ(find("t.mixed.fails").expected, "eax = 0");
  EXPECT_THAT(find("t.mixed.fails").observed, HasSubstr("eax = "));
  EXPECT_THAT(find("t.mixed.fails").location, HasSubstr("mixed.yaml:9:"));
  EXPECT_THAT(find("t.mixed.absent").reason, HasSubstr("the target does not offer t.never"));
}

TEST(RunTest, ARunThatJudgedNothingIsNotGreen) {
  Folder folder;
  folder.write("mixed.yaml", kMixed);
  EXPECT_EQ(execute(folder, {"run", "t.mixed.absent", "--specs", "mixed.yaml"}).status, 3);
}

TEST(RunTest, FailFastStopsAtTheFirstFailure) {
  Folder folder;
  folder.write("mixed.yaml", kMixed);
  const auto run =
      execute(folder, {"run", "--specs", "mixed.yaml", "--results", "r.jsonl", "--fail-fast"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(results(folder, "r.jsonl").cases.back().id, "t.mixed.fails");
}

TEST(RunTest, LevelsAndShardsSelect) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "--level", "must", "--results", "must.jsonl"}).status, 0);
  for (const auto& record : results(folder, "must.jsonl").cases)
    EXPECT_EQ(record.level, reports::Level::kMust);
  ASSERT_EQ(execute(folder, {"run", "--shard", "1/2", "--results", "one.jsonl"}).status, 0);
  ASSERT_EQ(execute(folder, {"run", "--shard", "2/2", "--results", "two.jsonl"}).status, 0);
  ASSERT_EQ(execute(folder, {"run", "--results", "all.jsonl"}).status, 0);
  EXPECT_EQ(results(folder, "one.jsonl").cases.size() + results(folder, "two.jsonl").cases.size(),
            results(folder, "all.jsonl").cases.size());
  // Shards come together again in a report.
  ASSERT_EQ(
      execute(folder, {"report", "one.jsonl", "two.jsonl", "--format", "json", "-o", "both.json"})
          .status,
      0);
  EXPECT_THAT(folder.read("both.json"), HasSubstr("kvm.send-ipi.nmi"));
}

TEST(RunTest, AStreamCutAnywhereIsContinuedToTheSameResults) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "kvm.hypercall.*", "--results", "whole.jsonl"}).status, 0);
  const auto whole = folder.read("whole.jsonl");
  const auto want = timeless(whole);
  for (const double part : {0.3, 0.5, 0.77, 0.999}) {
    folder.write(
        "cut.jsonl",
        whole.substr(0, static_cast<std::size_t>(static_cast<double>(whole.size()) * part)));
    const auto resumed = execute(folder, {"run", "kvm.hypercall.*", "--resume", "cut.jsonl"});
    EXPECT_EQ(resumed.status, 0) << resumed.err;
    EXPECT_EQ(timeless(folder.read("cut.jsonl")), want) << part;
  }
}

TEST(RunTest, OnlyTheSameRunIsContinued) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "kvm.msr.*", "--results", "r.jsonl"}).status, 0);
  const auto other = execute(folder, {"run", "kvm.msr.*", "--resume", "r.jsonl", "--seed", "2"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("cannot be continued: its seed is 1, now it is 2"));
  EXPECT_EQ(execute(folder, {"run", "--resume", "nowhere.jsonl"}).status, 2);
}

TEST(RunTest, KilledAtAnyMomentItLeavesAValidPrefix) {
  Folder folder;
  for (const char* delay : {"0.01", "0.03", "0.05", "0.08"}) {
    shell(folder, std::string("\"$HV\" run --jobs 1 --results k.jsonl & sleep ") + delay +
                      "; kill -9 $!; wait; true");
    if (!folder.has("k.jsonl") || folder.read("k.jsonl").find('\n') == std::string::npos) continue;
    EXPECT_EQ(execute(folder, {"report", "k.jsonl"}).status, 0) << delay;
    EXPECT_EQ(execute(folder, {"run", "--resume", "k.jsonl"}).status, 0) << delay;
    EXPECT_TRUE(results(folder, "k.jsonl").complete());
  }
}

TEST(RunTest, AnInterruptEndsInOrderAndSaysHowToGoOn) {
  Folder folder;
  // Enough points that the signal comes in the middle.
  folder.write("long.yaml", R"(interface: t.long
title: Long
source: {document: none, version: "1"}
clauses:
  - {id: t.long.many, level: must, section: s, text: t,
     cases: [{for: {n: 0..99, m: 0..99}, steps: [{settle: 100ms}, {cpuid: {leaf: 0}, expect: {eax: nonzero}}]}],
     violations: [{v: {at: cpuid, leaf: 0, eax: 0}}]}
)");
  // Once it has judged something; a signal that comes earlier finds nothing to keep.
  const auto run =
      shell(folder, R"sh("$HV" run --specs long.yaml --results i.jsonl --jobs 1 & run=$!
for i in $(seq 1500); do
  [ "$(wc -l <i.jsonl 2>/dev/null || echo 0)" -ge 5 ] && break
  sleep 0.02
done
kill -INT $run
wait $run)sh");
  EXPECT_EQ(run.status, 130);
  EXPECT_THAT(run.err, HasSubstr("interrupted after"));
  EXPECT_THAT(run.err, HasSubstr("--resume i.jsonl"));
  EXPECT_FALSE(results(folder, "i.jsonl").summary);
  EXPECT_GT(results(folder, "i.jsonl").cases.size(), 0);
}

TEST(RerunTest, OnlyWhatDidNotPassIsJudgedAgain) {
  Folder folder;
  folder.write("mixed.yaml", kMixed);
  ASSERT_EQ(execute(folder, {"run", "--specs", "mixed.yaml", "--results", "r.jsonl"}).status, 1);
  const auto again =
      execute(folder, {"rerun", "r.jsonl", "--specs", "mixed.yaml", "--results", "again.jsonl"});
  EXPECT_EQ(again.status, 1);
  const auto cases = results(folder, "again.jsonl").cases;
  ASSERT_EQ(cases.size(), 1);
  EXPECT_EQ(cases.front().id, "t.mixed.fails");
  const auto over =
      execute(folder, {"rerun", "r.jsonl", "--specs", "mixed.yaml", "--results", "r.jsonl"});
  EXPECT_EQ(over.status, 2);
  EXPECT_THAT(over.err, HasSubstr("would overwrite"));
}

}  // namespace
}  // namespace hypervet::testing
