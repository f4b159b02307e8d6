// SPDX-License-Identifier: Apache-2.0
// hypervet compare of two ways to launch, on the simulator, whose costs are declared: what must
// come out is known.
#include <gmock/gmock.h>

#include <algorithm>

#include "reports/stream/reader.h"
#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPoll = "kvm.path.hypercall-poll";

class CompareLaunchesTest : public ::testing::Test {
 protected:
  Result compare(std::vector<std::string> words) {
    words.insert(words.begin(), {"compare", "--backend", "sim", "--samples", "50"});
    return execute(folder, words);
  }
  reports::Results stream(const std::string& name) {
    auto read = reports::read_results_file(folder.file(name));
    EXPECT_TRUE(read) << (read ? "" : reports::to_string(read.error()));
    return read ? read->results : reports::Results{};
  }
  Folder folder;
};

TEST_F(CompareLaunchesTest, ThreePercentMoreIsARegressionToTheTick) {
  const auto result = compare({"cost=hypercall=1000", "cost=hypercall=1030", kPoll});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("A  cost=hypercall=1000: "));
  EXPECT_THAT(result.out, HasSubstr("\ncounted, not measured: differences are exact\n"));
  EXPECT_THAT(result.out, HasSubstr("+30 (+3.00 %)     none  regressed\n"));
  EXPECT_THAT(result.out, HasSubstr("results: hypervet-results/compare-sim-a.jsonl\n"
                                    "results: hypervet-results/compare-sim-b.jsonl\n"));
  // The contrast costs the same on both sides.
  EXPECT_THAT(result.out, EndsWith("\n1 regressed, 1 equivalent\n"));

  const auto a = stream("hypervet-results/compare-sim-a.jsonl");
  const auto b = stream("hypervet-results/compare-sim-b.jsonl");
  ASSERT_TRUE(a.complete());
  ASSERT_TRUE(b.complete());
  EXPECT_EQ(a.paths.at(0).id, kPoll);
  EXPECT_EQ(a.paths.at(0).median, 1000);
  EXPECT_EQ(b.paths.at(0).median, 1030);
  // What is kept can be compared again.
  const auto stored = execute(folder, {"compare", "hypervet-results/compare-sim-a.jsonl",
                                       "hypervet-results/compare-sim-b.jsonl"});
  EXPECT_EQ(stored.status, 1) << stored.err;
  EXPECT_THAT(stored.out, EndsWith("\n1 regressed, 1 equivalent\n"));
}

TEST_F(CompareLaunchesTest, TheOtherWayRoundItIsAnImprovement) {
  const auto result = compare({"cost=hypercall=1030", "cost=hypercall=1000", kPoll});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, EndsWith("\n1 improved, 1 equivalent\n"));
}

TEST_F(CompareLaunchesTest, TheSameIsEquivalentOverAllPaths) {
  const auto result =
      compare({"cost=hypercall=1000", "cost=hypercall=1000", "--fail-on", "inconclusive"});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(" equivalent; 1 path skipped on both sides\n"));
}

TEST_F(CompareLaunchesTest, LaunchesInTurnAreKeptAsMany) {
  const auto result = compare({"cost=cpuid=70", "cost=cpuid=70,hypercall=7", "--launches", "3",
                               "--results", "kept", "kvm.path.cpuid"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(stream("kept/compare-sim-a.jsonl").paths.at(0).launches.size(), 3u);
  EXPECT_EQ(stream("kept/compare-sim-b.jsonl").paths.at(0).launches.size(), 3u);
}

TEST_F(CompareLaunchesTest, OptionsOfBothSidesAndNoneAtAll) {
  const auto result =
      compare({"", "cost=hypercall=2000", "--cost", "cpuid=400", "kvm.path.cpuid", kPoll});
  EXPECT_EQ(result.status, 1) << result.err;
  const auto a = stream("hypervet-results/compare-sim-a.jsonl");
  EXPECT_EQ(std::ranges::find(a.paths, "kvm.path.cpuid", &reports::Path::id)->median, 400);
}

TEST_F(CompareLaunchesTest, ReportsOnStandardOutputHaveItForThemselves) {
  const auto result =
      compare({"cost=cpuid=70", "cost=cpuid=71", "kvm.path.cpuid", "--report", "json=-"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, StartsWith("{"));
}

// A path that hangs in one of them has no figures there, which is not green.
TEST_F(CompareLaunchesTest, APathThatDoesNotEndIsNotComparable) {
  const auto result = compare({"cost=hypercall=10", "cost=hypercall=1000000000", kPoll});
  EXPECT_EQ(result.status, 6) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("no figures in B: failed: hang in the "));
  EXPECT_THAT(result.out, EndsWith("\n1 equivalent, 1 not comparable\n"));
  EXPECT_EQ(stream("hypervet-results/compare-sim-b.jsonl").summary->exit_status, 1);
}

TEST_F(CompareLaunchesTest, BadInputIsOneClearLine) {
  const auto says = [&](const std::vector<std::string>& words, int status,
                        const std::string& line) {
    const auto result = execute(folder, words);
    EXPECT_EQ(result.status, status) << line;
    EXPECT_THAT(result.err, AllOf(StartsWith("hypervet: "), HasSubstr(line)));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  };
  const std::vector<std::string> sim = {"compare", "--backend", "sim"};
  const auto on_sim = [&](std::vector<std::string> words) {
    words.insert(words.begin(), sim.begin(), sim.end());
    return words;
  };
  says(on_sim({"cost=cpuid=1", "cost=cpuid=2", "kvm.path.nothing"}), 2,
       "no path matches 'kvm.path.nothing'");
  says(on_sim({"cost=cpuid=1"}), 2, "B is required");
  says(on_sim({"costs=cpuid=1", "cost=cpuid=2"}), 2,
       "'costs=cpuid=1' is no set of options for backend sim");
  says(on_sim({"backend=kvm", "cost=cpuid=2"}), 2, "'backend=kvm' is no set of options");
  says(on_sim({"a.jsonl", "b.jsonl"}), 2, "'a.jsonl' is no set of options");
  says(on_sim({"cost=cpuid=x", "cost=cpuid=2"}), 2, "--cost: ");
  says(on_sim({"irqchip=none", "irqchip=split"}), 2, "'irqchip=none' is no set of options");
  says(on_sim({"cost=cpuid=1", "cost=cpuid=2", "--launches", "0"}), 2, "--launches");
  says(on_sim({"cost=cpuid=1", "cost=cpuid=2", "--samples", "0"}), 2, "--samples");
  says(on_sim({"cost=cpuid=1", "cost=cpuid=2", "--report", "pdf=x"}), 2, "unknown report format");
  says(on_sim({"cost=cpuid=1", "cost=cpuid=2", "kvm.path.cpuid", "--results", "/proc/x"}), 3,
       "/proc/x");
  says({"compare", "--backend", "xen", "", "", "kvm.path.cpuid"}, 2, "unknown backend 'xen'");
  says({"compare", "--backend", "kvm", "kvm-device=/dev/null", "", "kvm.path.cpuid",
        "--no-preflight"},
       3, "backend kvm is unavailable: ");
  says({"compare", "--backend", "kvm", "", "", "--launches", "14", "--no-preflight"}, 2,
       "at least 15 launches a side are needed, not 14");
  says({"compare", "--lab", "no-such-lab", "6.1", "6.12"}, 2, "unknown lab 'no-such-lab'");
  says({"compare", "--lab", "kvm-amd", "--exact", "", "6.12"}, 2, "A and B are kernels");
  says({"compare", "--lab", "kvm-amd", "--backend", "kvm", "6.1", "6.12"}, 2, "excludes");
  says({"compare", "a.jsonl", "b.jsonl", "--launches", "20"}, 2,
       "--launches is of builds that are launched: with --lab or --backend");
  says({"compare", "a.jsonl", "b.jsonl", "--cost", "cpuid=1"}, 2, "--cost is of builds");
}

TEST_F(CompareLaunchesTest, AnInterruptKeepsWhatWasTimed) {
  const auto result = shell(folder, R"sh(
"$HV" compare --backend sim --launches 1000 --samples 10000 '' cost=cpuid=70 kvm.path.cpuid & run=$!
for i in $(seq 3000); do  # a second of processor time, however long that takes
  [ "$(cut -d' ' -f14 /proc/$run/stat)" -ge 100 ] && break
  sleep 0.02
done
kill -INT $run
wait $run)sh");
  EXPECT_EQ(result.status, 130) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("hypervet: interrupted; what was timed is kept in "
                                    "hypervet-results/compare-sim-a.jsonl, "));
  EXPECT_FALSE(stream("hypervet-results/compare-sim-a.jsonl").complete());
  const auto stored = execute(folder, {"compare", "hypervet-results/compare-sim-a.jsonl",
                                       "hypervet-results/compare-sim-b.jsonl"});
  EXPECT_EQ(stored.status, 2);
  EXPECT_THAT(stored.err, HasSubstr("the run was cut short: it has no summary"));
}

}  // namespace
}  // namespace hypervet::testing
