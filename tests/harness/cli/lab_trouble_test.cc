// SPDX-License-Identifier: Apache-2.0
// Labs that boot for long, or end badly: each machine here is booted anew.
#include <regex>
#include <string>

#include "tests/harness/cli/lab_machine.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFew = "kvm.hypercall.unknown-number";

class LabTrouble : public LabTest {
 protected:
  // One run on a machine made by a spoiled recipe. Nothing of it may be judged.
  Result spoiled(const std::string& from, const std::string& to,
                 std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"run", kFew, "--no-snapshot", "--lab-recipes",
                                      recipes_with(from, to)};
    words.insert(words.end(), more.begin(), more.end());
    auto run = in_lab(words);
    EXPECT_EQ(run.status, 3) << run.out << run.err;
    EXPECT_THAT(run.out, Not(HasSubstr("pass")));
    return run;
  }
};

TEST_F(LabTrouble, APanicBeforeTheInit) {
  const auto run = spoiled("rdinit=/init", "rdinit=/nowhere");
  EXPECT_THAT(run.err, HasSubstr("lab kvm-amd: the lab's kernel died: Kernel panic - not syncing"));
  EXPECT_THAT(run.err, HasSubstr("the last of its log:"));
}

TEST_F(LabTrouble, APanicInTheInit) {
  const auto run = spoiled("hypervet lab-door", "echo c >/proc/sysrq-trigger");
  EXPECT_THAT(run.err, HasSubstr("the lab's kernel died: "));
  EXPECT_THAT(run.err, HasSubstr("sysrq"));
}

TEST_F(LabTrouble, AnInitThatGivesUp) {
  const auto run = spoiled("hypervet lab-door", "true");
  EXPECT_THAT(run.err, HasSubstr("the lab's machine was reset before the job had ended"));
}

TEST_F(LabTrouble, AKernelWithoutKvm) {
  const auto run = spoiled("modules: [kvm_amd]", "modules: [virtio_console]");
  EXPECT_THAT(run.err,
              HasSubstr("the kernel has no KVM for this processor: /dev/kvm does not appear"));
}

TEST_F(LabTrouble, AMachineThatSaysNothing) {
  const auto run = spoiled("hypervet lab-door", "sleep 1000", {"--lab-patience", "8"});
  EXPECT_THAT(run.err, HasSubstr("the lab gave no sign of life for 8 s"));
}

TEST_F(LabTrouble, AnEmulatorThatRefusesItsFlags) {
  const auto run = spoiled("-M, q35", "-M, q36");
  EXPECT_THAT(run.err, HasSubstr("qemu-system-x86_64 does not start: "));
  EXPECT_THAT(run.err, HasSubstr("unsupported machine type"));
}

// The kernel dies under the running cases: what was judged stays.
TEST_F(LabTrouble, APanicWhileCasesRun) {
  // By the instruction clock, so that it comes among the cases however busy this machine is.
  const auto recipes = recipes_with("hypervet lab-door",
                                    "(until [ -s /job/cases ]; do sleep 0.1; done; sleep 2.5; "
                                    "echo c >/proc/sysrq-trigger) & hypervet lab-door");
  const auto run =
      in_lab({"run", "--exact", "--lab-recipes", recipes, "--no-snapshot", "--results", "p.jsonl"});
  EXPECT_EQ(run.status, 3) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("the lab's kernel died: "));
  const auto all = results("p.jsonl");
  ASSERT_GE(all.cases.size(), 2u);
  EXPECT_EQ(all.cases.back().verdict, reports::Verdict::kError);
  EXPECT_NE(all.cases.front().verdict, reports::Verdict::kError);
  ASSERT_TRUE(all.summary);
  EXPECT_EQ(all.summary->exit_status, 3);
  ASSERT_EQ(all.logs.size(), 1u);
  EXPECT_THAT(all.logs[0].text, HasSubstr("Kernel panic"));
}

TEST_F(LabTrouble, ASpoiledSnapshotIsReplacedByABoot) {
  const auto cache = folder.file("cache");
  const auto run = [&] {
    return execute(folder, {"run", kFew, "--lab", "kvm-amd:" + kernel.original.string(),
                            "--lab-modules", kernel.modules.string(), "--lab-cache", cache});
  };
  std::filesystem::create_directories(cache);
  std::filesystem::create_directory_symlink(std::filesystem::path(kLabCache) / "packages",
                                            std::filesystem::path(cache) / "packages");
  ASSERT_EQ(run().status, 0);
  const auto snapshot =
      std::filesystem::directory_iterator(std::filesystem::path(cache) / "snapshots")->path();
  std::filesystem::resize_file(snapshot, std::filesystem::file_size(snapshot) / 2);
  const auto again = run();
  EXPECT_EQ(again.status, 0) << again.out << again.err;
  EXPECT_THAT(again.err, HasSubstr("the snapshot is of no use"));
  EXPECT_THAT(again.err, HasSubstr("booting"));
  const auto third = run();
  EXPECT_EQ(third.status, 0) << third.err;
  EXPECT_EQ(third.err, "");
}

TEST_F(LabTrouble, AKernelImageGivenAsAFile) {
  const auto run = in_lab({"run", kFew, "--lab-modules", kernel.modules.string()},
                          "kvm-amd:" + kernel.original.string());
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr(kernel.release + " kvm_amd (emulated SVM)"));
}

TEST_F(LabTrouble, ExactRunsRepeatToTheByte) {
  const auto stream = [&](const std::string& name, const std::vector<std::string>& more) {
    const Folder place;
    std::vector<std::string> words = {"run",       "kvm.hypercall.*", "--exact",
                                      "--results", "r.jsonl",         "--lab",
                                      "kvm-amd",   "--lab-cache",     kLabCache};
    words.insert(words.end(), more.begin(), more.end());
    const auto run = execute(place, words);
    EXPECT_EQ(run.status, 0) << name << run.out << run.err;
    return place.read("r.jsonl");
  };
  const auto first = stream("first", {});
  EXPECT_THAT(first, HasSubstr("\"type\":\"summary\""));
  EXPECT_EQ(first, stream("second", {}));
  // On a busy host two boots were seen to end some instructions apart, and all timings with them.
  const auto untimed = [](const std::string& text) {
    static const std::regex timings(R"re("(duration_ns|wall_ns)":\d+|\{"type":"log".*\n)re");
    return std::regex_replace(text, timings, "");
  };
  const auto booted = untimed(stream("booted", {"--no-snapshot"}));
  EXPECT_THAT(booted, HasSubstr("\"verdict\":\"pass\""));
  EXPECT_EQ(booted, untimed(stream("booted again", {"--no-snapshot"})));
}

}  // namespace
}  // namespace hypervet::testing
