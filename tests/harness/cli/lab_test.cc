// SPDX-License-Identifier: Apache-2.0
// hypervet in a lab, with the real emulator and Debian's kernel: what a user gets.
#include "tests/harness/cli/lab_machine.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kFew = "kvm.hypercall.unknown-number";

TEST_F(LabTest, JudgesTheRealKernelAndAgainFromTheSnapshot) {
  const auto run = in_lab({"run", kFew, "--results", "a.jsonl"});
  ASSERT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr(" kvm_amd (emulated SVM): "));
  const auto all = results("a.jsonl");
  EXPECT_TRUE(all.complete());
  EXPECT_EQ(all.run.lab, "kvm-amd");
  EXPECT_EQ(all.run.target, "Linux " + kernel.release + " kvm_amd (emulated SVM)");
  EXPECT_THAT(all.run.notes, HasSubstr("emulator: QEMU emulator version"));
  ASSERT_FALSE(all.cases.empty());
  for (const auto& record : all.cases) {
    EXPECT_EQ(record.verdict, reports::Verdict::kPass) << record.id;
    EXPECT_EQ(record.target, all.run.target);
    EXPECT_THAT(record.reproduce, HasSubstr("--lab kvm-amd"));
    EXPECT_THAT(record.location, Not(HasSubstr("/usr/share")));
  }
  ASSERT_EQ(all.logs.size(), 1u);
  EXPECT_THAT(all.logs[0].text, HasSubstr("Linux version " + kernel.release));

  const auto again = in_lab({"run", kFew, "--results", "b.jsonl"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.err, Not(HasSubstr("booting")));
  const auto second = results("b.jsonl").cases;
  ASSERT_EQ(second.size(), all.cases.size());
  for (std::size_t i = 0; i < second.size(); ++i) {
    EXPECT_EQ(second[i].id, all.cases[i].id);
    EXPECT_EQ(second[i].verdict, all.cases[i].verdict);
  }
}

TEST_F(LabTest, ASpecOfTheUsersTravelsAlong) {
  folder.write("own.yaml", R"(interface: t.own
title: Own
source: {document: none, version: "1"}
clauses:
  - {id: t.own.fails, level: must, section: s, text: t,
     cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: 0}}]}], violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]}
  - {id: t.own.holds, level: should, section: s, text: t,
     cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: nonzero}}]}], violations: [{v: {at: cpuid, leaf: 0, eax: 0}}]}
)");
  const auto run = in_lab({"run", "--specs", "own.yaml", "--results", "r.jsonl"});
  EXPECT_EQ(run.status, 1) << run.err;
  const auto all = results("r.jsonl");
  ASSERT_EQ(all.cases.size(), 2u);
  EXPECT_EQ(all.cases[0].verdict, reports::Verdict::kFail);
  EXPECT_THAT(all.cases[0].location, HasSubstr("own.yaml:6:"));
  EXPECT_EQ(all.cases[1].verdict, reports::Verdict::kPass);

  const auto fast = in_lab({"run", "--specs", "own.yaml", "--fail-fast", "--results", "f.jsonl"});
  EXPECT_EQ(fast.status, 1) << fast.err;
  EXPECT_EQ(results("f.jsonl").cases.size(), 1u);
  const auto should =
      in_lab({"run", "--specs", "own.yaml", "--shard", "2/2", "--results", "s.jsonl"});
  EXPECT_EQ(should.status, 0) << should.err;
  const auto vet = in_lab({"vet", "t.own.holds", "--specs", "own.yaml"});
  EXPECT_EQ(vet.status, 0) << vet.err;
  EXPECT_THAT(vet.out, HasSubstr("clean: 1 of 1 cases"));

  folder.write(
      "waivers.yaml",
      "waivers:\n  - clauses: [t.own.fails]\n    target: '*emulated SVM*'\n    verdict: fail\n"
      "    reason: known\n    issue: https://example.org/1\n    owner: me\n    expires: "
      "2999-01-01\n");
  const auto waived = in_lab({"run", "--specs", "own.yaml", "--waivers", "waivers.yaml"});
  EXPECT_EQ(waived.status, 0) << waived.out << waived.err;
}

TEST_F(LabTest, KilledInTheMiddleItKeepsWhatWasJudged) {
  const auto run = shell(folder, std::string(R"sh("$HV" run --lab kvm-amd --lab-cache )sh") +
                                     kLabCache + R"sh( --results k.jsonl & run=$!
for i in $(seq 3000); do
  [ "$(grep -c '"type":"case"' k.jsonl 2>/dev/null)" -ge 5 ] 2>/dev/null && break
  sleep 0.02
done
kill -KILL $(cat /proc/$run/task/*/children)
wait $run)sh");
  EXPECT_EQ(run.status, 3) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("lab kvm-amd: the emulator ended with killed by signal 9"));
  const auto all = results("k.jsonl");
  ASSERT_GE(all.cases.size(), 6u);
  EXPECT_EQ(all.cases.back().verdict, reports::Verdict::kError);
  EXPECT_THAT(all.cases.back().reason, HasSubstr("killed by signal 9"));
  EXPECT_NE(all.cases.front().verdict, reports::Verdict::kError);
}

TEST_F(LabTest, AnInterruptIsContinued) {
  const auto run =
      shell(folder, std::string(R"sh("$HV" run 'kvm.hypercall.*' --lab kvm-amd --lab-cache )sh") +
                        kLabCache + R"sh( --results i.jsonl & run=$!
for i in $(seq 3000); do
  [ "$(grep -c '"type":"case"' i.jsonl 2>/dev/null)" -ge 2 ] 2>/dev/null && break
  sleep 0.02
done
kill -INT $run
wait $run)sh");
  EXPECT_EQ(run.status, 130) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("--resume i.jsonl --lab kvm-amd"));
  const auto before = results("i.jsonl").cases.size();
  EXPECT_GE(before, 2u);
  const auto on = in_lab({"run", "kvm.hypercall.*", "--resume", "i.jsonl"});
  EXPECT_EQ(on.status, 0) << on.out << on.err;
  EXPECT_TRUE(results("i.jsonl").complete());
  EXPECT_EQ(results("i.jsonl").cases.size(), results("i.jsonl").run.planned);
}

TEST_F(LabTest, NothingIsLeftBehind) {
  const auto run = shell(folder, std::string(R"sh(mkdir tmp; export TMPDIR=$PWD/tmp
"$HV" run --lab kvm-amd --lab-cache )sh") +
                                     kLabCache + R"sh( --results k.jsonl >/dev/null & run=$!
for i in $(seq 3000); do
  [ -s k.jsonl ] && break
  sleep 0.02
done
child=$(cat /proc/$run/task/*/children)
kill -KILL $run
wait $run
for i in $(seq 500); do
  grep -q '^State:[[:space:]]*[^Z]' /proc/${child% }/status 2>/dev/null || { echo gone; break; }
  sleep 0.02
done
ls tmp | wc -l
"$HV" run kvm.hypercall.unknown-number --lab kvm-amd --lab-cache )sh" +
                                     kLabCache + R"sh( >/dev/null
ls tmp | wc -l)sh");
  EXPECT_EQ(run.out, "gone\n1\n0\n") << run.err;
}

TEST_F(LabTest, DoctorAndExec) {
  const auto doctor = in_lab({"doctor"});
  EXPECT_EQ(doctor.status, 0) << doctor.err;
  EXPECT_THAT(doctor.out, HasSubstr("kvm       can run"));
  const auto no_elf = in_lab({"exec", kRecipe + std::string(".yaml")});
  EXPECT_EQ(no_elf.status, 3) << no_elf.out << no_elf.err;
  const auto none = in_lab({"exec", "nowhere.elf"});
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.err, "hypervet: nowhere.elf: No such file or directory\n");
}

TEST_F(LabTest, WrongKernelsAndModules) {
  const auto error = [&](const std::string& image, const std::string& modules) {
    std::vector<std::string> words = {"run", kFew};
    if (!modules.empty()) words.insert(words.end(), {"--lab-modules", modules});
    const auto run = in_lab(words, "kvm-amd:" + image);
    EXPECT_EQ(run.status, 3) << image;
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    return run.err;
  };
  folder.write("text", "hello\n");
  std::filesystem::create_directories(folder.path() / "empty");
  std::filesystem::create_directories(folder.path() / "bare/kernel");
  folder.write("bare/modules.builtin", "");
  const auto image = kernel.original.string();
  EXPECT_THAT(error("./text", ""), HasSubstr("./text: a text file, not an x86-64 kernel"));
  EXPECT_THAT(error("/bin/true", ""), HasSubstr("/bin/true: "));
  EXPECT_THAT(error("./nowhere", ""), HasSubstr("./nowhere: No such file or directory"));
  EXPECT_THAT(error(image, "nowhere"), HasSubstr("nowhere: No such file or directory"));
  EXPECT_THAT(error(image, "empty"), HasSubstr("empty: neither a folder lib/modules/RELEASE"));
  EXPECT_THAT(error(image, "bare"), HasSubstr("bare has modules of bare, but the kernel is "));
  std::filesystem::create_directories(folder.path() / "root/lib/modules" / kernel.release);
  EXPECT_THAT(error(image, "root"), HasSubstr("no module kvm_amd in "));
  EXPECT_THAT(error("no-such-package-at-all", ""), HasSubstr("no-such-package-at-all"));
}

TEST_F(LabTest, AMachineWithoutAnEmulator) {
  const auto run = shell(
      folder, std::string("PATH=/nowhere \"$HV\" run --lab kvm-amd --lab-cache ") + kLabCache);
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(run.err,
              HasSubstr("qemu-system-x86_64: not found in PATH (package qemu-system-x86)"));
}

TEST_F(LabTest, WrongWords) {
  EXPECT_THAT(in_lab({"run"}, "kvm-amdd").err,
              HasSubstr("unknown lab 'kvm-amdd'; there is kvm-amd"));
  EXPECT_EQ(in_lab({"run"}, "kvm-amd:").status, 2);
  EXPECT_EQ(in_lab({"run", "--backend", "kvm"}).status, 2);
  EXPECT_EQ(in_lab({"run", "--lab-recipes", "nowhere"}).status, 2);
  EXPECT_EQ(execute(folder, {"run", "--exact"}).status, 2);
  std::filesystem::create_directories(folder.path() / "empty");
  EXPECT_THAT(in_lab({"run", "--lab-recipes", "empty"}).err,
              HasSubstr("no recipe of a lab in empty"));
}

}  // namespace
}  // namespace hypervet::testing
