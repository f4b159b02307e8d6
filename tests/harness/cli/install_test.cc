// SPDX-License-Identifier: Apache-2.0
// `cmake --install` gives a hypervet that needs neither source nor build tree.
#include <gmock/gmock.h>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

TEST(InstallTest, TheInstalledBinaryFindsItsSpecsAndPayloads) {
  Folder folder;
  const auto installed =
      execute(folder, {"--install", HV_BUILD_DIR, "--prefix", folder.file("prefix")}, HV_CMAKE);
  ASSERT_EQ(installed.status, 0) << installed.err;
  const auto binary = folder.file("prefix/bin/hypervet");
  const auto run = execute(folder, {"run", "kvm.hypercall.*"}, binary);
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  const auto doctor = execute(folder, {"doctor"}, binary);
  EXPECT_THAT(doctor.out, ::testing::HasSubstr(folder.file("prefix/share/hypervet/specs")));
  EXPECT_THAT(doctor.out,
              ::testing::HasSubstr(folder.file("prefix/share/hypervet/payloads/agent.elf")));
}

}  // namespace
}  // namespace hypervet::testing
