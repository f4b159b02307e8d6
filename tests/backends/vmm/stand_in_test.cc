// SPDX-License-Identifier: Apache-2.0
// Recipes of VMMs that are not installed, with a stand-in: a script that takes the VMM's command
// line as its documentation has it and has QEMU do the work. So what is tried is that the recipe
// says what was meant, and each way in and out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "backends/vmm/vmm_backend.h"
#include "tests/backends/process/scratch.h"
#include "tests/guest-payloads/frames.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::vmm {
namespace {

using backends::Configuration;
using backends::Outcome;
using backends::Stop;
using protocol::OpCode;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::ProgramBuilder;

class StandIns : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = tests::qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  // The VMM `name` whose program is that file. It must not need what this machine may not have.
  static std::unique_ptr<VmmBackend> backend(const std::string& name, const std::string& program) {
    auto recipe = load_recipe(std::string(HV_VMM_RECIPES "/") + name + ".yaml");
    EXPECT_TRUE(recipe) << recipe.error();
    recipe->common.needs.clear();
    return std::make_unique<VmmBackend>("vmm:" + name, std::move(*recipe),
                                        VmmOptions{HV_AGENT_ELF, program, {}, {}});
  }
  static std::unique_ptr<VmmBackend> stand_in(const std::string& name) {
    return backend(name, std::string(HV_VMM_STAND_INS "/") + name);
  }
  std::unique_ptr<VmmBackend> scripted(const std::string& name, const std::string& script) {
    return backend(name, this->scratch.script(name, "#!/bin/sh\n" + script).string());
  }
  static Outcome run(const VmmBackend& vmm, const Configuration& configuration = {}) {
    ProgramBuilder program;
    program.op(OpCode::kLoad, {protocol::kArenaAddress}, {.width = 8});
    const auto bytes = program.encode();
    backends::Job job;
    job.configuration = &configuration;
    job.program = bytes;
    job.limits.deadline = std::chrono::seconds(60);
    return vmm.run(job);
  }

  test::Scratch scratch;
};

TEST_F(StandIns, Firecracker) {
  const auto vmm = stand_in("firecracker");
  ASSERT_TRUE(vmm->availability().available) << vmm->availability().reason;
  EXPECT_EQ(vmm->target().name, "Firecracker 1.12.0");
  Configuration entropy;
  entropy.settings = {{"device", "entropy"}, {"transport", "mmio"}};
  const auto outcome = run(*vmm, entropy);
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr(R"sh("drives": [], "entropy": {}})sh"));
  EXPECT_THAT(outcome.log, HasSubstr(R"sh("vcpu_count": 1, "mem_size_mib": 64)sh"));
  tests::FrameReader reader;  // the VMM's own line is not among the frames
  reader.feed(outcome.observations);
  EXPECT_TRUE(reader.next().has_value()) << reader.error;
  entropy.settings["transport"] = "pci";
  EXPECT_THAT(vmm->refuses(entropy).value_or(""), HasSubstr("transport=pci"));
  entropy.settings = {{"device", "net"}};
  EXPECT_THAT(vmm->refuses(entropy).value_or(""), HasSubstr("tap device"));
}

TEST_F(StandIns, CloudHypervisorSharesItsMemory) {
  const auto vmm = stand_in("cloud-hypervisor");
  ASSERT_TRUE(vmm->availability().available) << vmm->availability().reason;
  EXPECT_EQ(vmm->target().name, "Cloud Hypervisor 41.0");
  for (int i = 0; i < 2; ++i) {
    const auto outcome = run(*vmm);
    EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
  }
}

TEST_F(StandIns, KvmtoolTakesTheBzImage) {
  const auto vmm = stand_in("kvmtool");
  ASSERT_TRUE(vmm->availability().available) << vmm->availability().reason;
  EXPECT_EQ(vmm->target().name, "kvmtool 3.18.0");
  EXPECT_FALSE(vmm->has(protocol::HostVerb::kReadClock)) << "no answer would reach the guest";
  Configuration entropy;
  entropy.cpus = 2;
  entropy.settings = {{"device", "entropy"}, {"transport", "pci"}};
  const auto outcome = run(*vmm, entropy);
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("--cpus 2 --mem 64"));
  EXPECT_THAT(outcome.log, HasSubstr("--virtio-transport pci --rng --initrd"));
  entropy.settings = {{"device", "blk"}, {"variant", "read-only"}};
  EXPECT_THAT(run(*vmm, entropy).log, ::testing::ContainsRegex("--disk [^ ]+,ro "));
  entropy.settings = {{"transport", "mmio"}};
  EXPECT_THAT(vmm->refuses(entropy).value_or(""), HasSubstr("transport=mmio"));
}

TEST_F(StandIns, CrosvmTakesTheBzImage) {
  ASSERT_EQ(::setenv("HV_LINUX_LOADER", HV_LINUX_LOADER, 1), 0);
  const auto vmm = stand_in("crosvm");
  ASSERT_TRUE(vmm->availability().available) << vmm->availability().reason;
  EXPECT_EQ(vmm->target().name, "crosvm 0.1.0-0123abc");
  EXPECT_TRUE(vmm->has(protocol::HostVerb::kReadClock));
  const auto plain = run(*vmm);
  EXPECT_EQ(plain.stop, Stop::kFinished) << plain.detail << plain.log;
  EXPECT_THAT(plain.log, HasSubstr("--no-rng --no-balloon --initrd"));
  Configuration entropy;
  entropy.settings = {{"device", "entropy"}};
  const auto outcome = run(*vmm, entropy);
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail << outcome.log;
  EXPECT_THAT(outcome.log, ::testing::Not(HasSubstr("--no-rng")));
}

TEST_F(StandIns, OneThatEndsAtOnceSaysWhy) {
  const auto vmm = scripted("cloud-hypervisor", R"sh(
if [ "$1" = --version ]; then echo 'cloud-hypervisor v41.0'; exit; fi
echo "warming up" >&2
echo "Error booting VM: no such kernel" >&2
exit 3
)sh");
  const auto outcome = run(*vmm);
  EXPECT_EQ(outcome.stop, Stop::kBackendError);
  EXPECT_EQ(outcome.detail,
            "Cloud Hypervisor ended before the agent was there: Error booting VM: no such kernel");
  Configuration serial;
  serial.settings["channel"] = "serial";
  EXPECT_THAT(run(*vmm, serial).detail,
              StartsWith("the agent does not come up in Cloud Hypervisor: exit status 3; Error"));
}

TEST_F(StandIns, OneWithoutAVersion) {
  const auto vmm = scripted("firecracker", "echo 'no such option' >&2; exit 1\n");
  EXPECT_FALSE(vmm->availability().available);
  EXPECT_THAT(vmm->availability().reason, HasSubstr("does not tell its version: no such option"));
  EXPECT_EQ(run(*vmm).stop, Stop::kBackendError);
}

TEST(Missing, TheImageThatTheRecipeTakesIsNamed) {
  for (const auto& [name, image] : {std::pair{"qemu", "agent.elf"}, {"kvmtool", "agent.bzimage"}}) {
    auto recipe = load_recipe(std::string(HV_VMM_RECIPES "/") + name + ".yaml");
    ASSERT_TRUE(recipe) << recipe.error();
    recipe->common.needs.clear();
    const VmmBackend vmm("vmm", std::move(*recipe),
                         VmmOptions{"/nowhere/agent.elf", "/bin/echo", {}, {}});
    EXPECT_EQ(vmm.availability().reason, std::string("/nowhere/") + image + " is missing");
  }
}

TEST(Missing, ProgramsAreNamedWithWhatToInstall) {
  auto recipe = load_recipe(HV_VMM_RECIPES "/qemu.yaml");
  ASSERT_TRUE(recipe);
  const VmmBackend vmm("vmm:qemu", std::move(*recipe),
                       VmmOptions{HV_AGENT_ELF, "no-such-program", {}, {}});
  EXPECT_EQ(vmm.availability().reason, "no-such-program: not found in PATH");
  EXPECT_EQ(vmm.availability().mend, "install qemu-system-x86, or name it with --vmm-binary PATH");
}

}  // namespace
}  // namespace hypervet::vmm
