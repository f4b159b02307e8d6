// SPDX-License-Identifier: Apache-2.0
// hypervet vet proves the suite; here vet itself is proved: what it must report, it reports.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string spec(const std::string& name) {
  std::ifstream in(std::string(HV_SOURCE_DIR) + "/specs/kvm/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(VetTest, EveryViolationOfTheSuiteIsCaught) {
  Folder folder;
  const auto vet = execute(folder, {"vet"});
  EXPECT_EQ(vet.status, 0) << vet.out;
  EXPECT_THAT(vet.out, Not(HasSubstr("survived")));
  EXPECT_THAT(vet.out,
              ::testing::ContainsRegex(
                  "^violations: [0-9]+ of [0-9]+ caught; clauses: [0-9]+ of [0-9]+ proven\n$"));
}

class VetMutantTest : public ::testing::Test {
 protected:
  // vet over cpuid.yaml (the features) and a changed steal-time.yaml.
  Result vet(const std::string& from, const std::string& to) {
    folder_.write("cpuid.yaml", spec("cpuid.yaml"));
    folder_.write("steal-time.yaml", replaced(spec("steal-time.yaml"), from, to));
    return execute(folder_,
                   {"vet", "kvm.steal-time.*", "--specs", "cpuid.yaml", "steal-time.yaml"});
  }
  Folder folder_;
};

TEST_F(VetMutantTest, AnExpectationTakenAwayLeavesASurvivor) {
  const auto result = vet("expect: {version: nonzero, flags: 0}", "expect: {version: nonzero}");
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("survived kvm.steal-time.flags-zero: a flag set"));
}

TEST_F(VetMutantTest, AWrongExpectationIsNotClean) {
  const auto result = vet("expect: {value: area + 1}", "expect: {value: area + 3}");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("not clean kvm.steal-time.reserved-bits-fault"));
}

TEST_F(VetMutantTest, AViolationThatIsNeverCommittedIsNamed) {
  const auto result = vet("- reads zero: {at: rdmsr, msr: MSR_KVM_STEAL_TIME, value: 0}",
                          "- reads zero: {at: rdmsr, msr: 0x4b564dff, value: 0}");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("never committed kvm.steal-time.read-back: reads zero"));
  EXPECT_THAT(result.out, HasSubstr("unproven case kvm.steal-time.read-back"));
}

TEST(VetBackendTest, OnlyTheSimulatorCommitsViolations) {
  Folder folder;
  const auto vet = execute(folder, {"vet", "--backend", "kvm", "--kvm-device", "/dev/null"});
  EXPECT_EQ(vet.status, 3) << vet.err;
}

}  // namespace
}  // namespace hypervet::testing
