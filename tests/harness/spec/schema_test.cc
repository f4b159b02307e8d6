// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/harness/spec/editor.h"
#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

class SchemaTest : public ::testing::Test {
 protected:
  bool accepts(const std::string& text) const { return editor_.accepts(text); }
  // The README's example with one piece replaced.
  bool accepts_with(const std::string& from, const std::string& to) const {
    std::string text = readme_example();
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return accepts(text.replace(at, from.size(), to));
  }
  const Editor editor_{schema_json()};
};

TEST_F(SchemaTest, TheCommittedFileIsTheGeneratedOne) {
  const std::string path = std::string(HV_SOURCE_DIR) + "/specs/schema/clauses.schema.json";
  if (std::getenv("HYPERVET_WRITE_SCHEMA") != nullptr) std::ofstream(path) << schema_json();
  std::ostringstream committed;
  committed << std::ifstream(path).rdbuf();
  EXPECT_TRUE(committed.str() == schema_json())
      << "run this test with HYPERVET_WRITE_SCHEMA=1 and commit " << path;
}

TEST_F(SchemaTest, AcceptsWhatLintAccepts) { EXPECT_TRUE(accepts(readme_example())); }

TEST_F(SchemaTest, AcceptsTheSpecsThatComeWithUs) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(HV_SOURCE_DIR) + "/specs")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto source = read_source(entry.path());
    ASSERT_TRUE(source);
    EXPECT_TRUE(accepts((*source)->text)) << entry.path();
  }
}

TEST_F(SchemaTest, RejectsWhatIsWrongInShape) {
  EXPECT_TRUE(accepts_with("level: must", "level: may"));
  EXPECT_FALSE(accepts_with("level: must", "level: shall"));
  EXPECT_FALSE(accepts_with("title: Steal time", "titel: Steal time"));
  EXPECT_FALSE(accepts_with("- wrmsr:", "- wrmrs:"));
  EXPECT_FALSE(
      accepts_with("{msr: MSR_KVM_STEAL_TIME, value: area + 1}", "{msr: MSR_KVM_STEAL_TIME}"));
  EXPECT_FALSE(accepts_with("{msr: MSR_KVM_STEAL_TIME, value: area + 1}", "{msr: [1], value: 2}"));
  EXPECT_FALSE(
      accepts_with("at: wrmsr, msr: MSR_KVM_STEAL_TIME, fault: none", "at: wrmsr, fault: 7"));
  EXPECT_FALSE(accepts_with("at: wrmsr, msr", "at: wmsr, msr"));
  EXPECT_FALSE(accepts_with("id: kvm.steal-time.reserved-bits-fault", "id: Kvm"));
  EXPECT_FALSE(accepts_with("machine: {cpus: 1}  ", "machine: {cpu: 1}  "));
}

}  // namespace
}  // namespace hypervet::spec
