// SPDX-License-Identifier: Apache-2.0
// External VMMs as a user has them: recipes that are wrong, programs that are missing, the
// installed QEMU judged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kMine = R"(vmm: mine
title: Mine
provider: Mine
program: no-such-vmm
package: the mine package
version: {arguments: [--version]}
arguments: [$agent, $words]
)";

Result run_on(const Folder& folder, const std::string& backend,
              const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"run", "kvm.cpuid.*", "--backend", backend};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return execute(folder, arguments);
}

TEST(Vmm, BadRecipesAreUsageErrorsInOneLine) {
  const Folder folder;
  folder.write("mine.yaml", std::string(kMine) + "tittle: x\n");
  const auto bad = run_on(folder, "vmm:mine.yaml");
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.err, StartsWith("hypervet: mine.yaml:8:1: unknown key 'tittle' in the recipe"));
  EXPECT_EQ(std::count(bad.err.begin(), bad.err.end(), '\n'), 1);
  const auto none = run_on(folder, "vmm:nemu");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("unknown VMM 'nemu'; there are cloud-hypervisor, crosvm, "));
  EXPECT_EQ(run_on(folder, "vmm:none.yaml").status, 2);
  EXPECT_EQ(run_on(folder, "vmm").status, 2);
}

TEST(Vmm, OptionsAreChecked) {
  const Folder folder;
  const auto value = run_on(folder, "vmm:qemu", {"--vmm-option", "accel=hvf"});
  EXPECT_EQ(value.status, 2);
  EXPECT_THAT(value.err,
              HasSubstr("the option accel of the recipe qemu takes tcg, kvm, not 'hvf'"));
  EXPECT_THAT(run_on(folder, "vmm:qemu", {"--vmm-option", "cpu=1"}).err,
              HasSubstr("the recipe qemu has no option 'cpu'; there are accel"));
  EXPECT_THAT(run_on(folder, "vmm:qemu", {"--vmm-option", "kvm"}).err, HasSubstr("NAME=VALUE"));
  EXPECT_EQ(run_on(folder, "sim", {"--vmm-arg=-x"}).status, 2);
}

TEST(Vmm, AMissingProgramSaysWhatToInstall) {
  const Folder folder;
  folder.write("mine.yaml", kMine);
  const auto missing = run_on(folder, "vmm:mine.yaml");
  EXPECT_EQ(missing.status, 3);
  EXPECT_EQ(missing.err,
            "hypervet: backend vmm:mine.yaml is unavailable: no-such-vmm: not found in PATH; "
            "install the mine package, or name it with --vmm-binary PATH\n");
}

TEST(Vmm, DoctorListsRecipes) {
  const Folder folder;
  const auto doctor = execute(folder, {"doctor"});
  EXPECT_THAT(doctor.out, HasSubstr("vmm:qemu"));
  EXPECT_THAT(doctor.out, HasSubstr("vmm:firecracker"));
}

TEST(Vmm, QemuIsJudged) {
  if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0)
    GTEST_SKIP() << "qemu-system-x86_64 is not installed";
  const Folder folder;
  const auto skipped = run_on(folder, "vmm:qemu");
  EXPECT_EQ(skipped.status, 3) << skipped.err;  // interpreted, it offers nothing of KVM's
  EXPECT_TRUE(folder.has("hypervet-results/qemu.jsonl"));
  EXPECT_THAT(folder.read("hypervet-results/qemu.jsonl"), HasSubstr("\"QEMU "));
  EXPECT_THAT(folder.read("hypervet-results/qemu.jsonl"), Not(HasSubstr("\"verdict\":\"error\"")));
}

TEST(Vmm, ExecIsNotForThem) {
  const Folder folder;
  EXPECT_NE(execute(folder, {"exec", "payload.elf", "--backend", "vmm:qemu"}).status, 0);
}

}  // namespace
}  // namespace hypervet::testing
