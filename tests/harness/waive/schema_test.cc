// SPDX-License-Identifier: Apache-2.0
// What the JSON Schema for editors says of a waiver file agrees with what the loader says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "harness/waive/load.h"
#include "tests/harness/spec/editor.h"

namespace hypervet::waive {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = HV_SOURCE_DIR;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

class WaiverSchemaTest : public ::testing::Test {
 protected:
  // Both accept, or both refuse.
  bool accepted(const std::string& text) const {
    const bool by_schema = editor_.accepts(text);
    EXPECT_EQ(by_schema, load_text(text, "w.yaml").has_value()) << text;
    return by_schema;
  }
  // A sound file with one piece replaced.
  bool accepted_with(const std::string& from, const std::string& to) const {
    std::string text =
        "waivers:\n"
        "  - clauses: [a.one, 'a.two/x[n=*]']\n"
        "    target: Linux * kvm_amd\n"
        "    verdict: [fail, hang]\n"
        "    reason: because\n"
        "    issue: FINDINGS.md#x\n"
        "    owner: me\n"
        "    expires: 2027-06-30\n";
    const auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return accepted(text.replace(at, from.size(), to));
  }
  const spec::Editor editor_{content(kRoot / "specs" / "schema" / "waivers.schema.json")};
};

TEST_F(WaiverSchemaTest, TheShippedWaiversValidate) {
  unsigned files = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "waivers")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    EXPECT_TRUE(accepted(content(entry.path()))) << entry.path();
  }
  EXPECT_GE(files, 2u);
}

TEST_F(WaiverSchemaTest, AgreesWithTheLoaderOnWhatIsInOrder) {
  EXPECT_TRUE(accepted_with("[fail, hang]", "crash"));
  EXPECT_TRUE(accepted_with("[a.one, 'a.two/x[n=*]']", "'*'"));
  EXPECT_TRUE(accepted_with("FINDINGS.md#x", "https://example.org/1"));
  EXPECT_TRUE(accepted_with("FINDINGS.md#x", "docs/known.md"));
}

TEST_F(WaiverSchemaTest, AgreesWithTheLoaderOnWhatIsNot) {
  EXPECT_FALSE(accepted_with("    owner: me\n", ""));
  EXPECT_FALSE(accepted_with("owner: me", "author: me"));
  EXPECT_FALSE(accepted_with("owner: me", "owner: ''"));
  EXPECT_FALSE(accepted_with("[fail, hang]", "skip"));
  EXPECT_FALSE(accepted_with("[fail, hang]", "[]"));
  EXPECT_FALSE(accepted_with("[fail, hang]", "[fail, fail]"));
  EXPECT_FALSE(accepted_with("[a.one, 'a.two/x[n=*]']", "[]"));
  EXPECT_FALSE(accepted_with("a.one", "A.one"));
  EXPECT_FALSE(accepted_with("a.one", "a.one_two"));
  EXPECT_FALSE(accepted_with("Linux * kvm_amd", "' Linux'"));
  EXPECT_FALSE(accepted_with("FINDINGS.md#x", "see below"));
  EXPECT_FALSE(accepted_with("FINDINGS.md#x", "/etc/known.md"));
  EXPECT_FALSE(accepted_with("2027-06-30", "2027-13-30"));
  EXPECT_FALSE(accepted_with("2027-06-30", "soon"));
  EXPECT_FALSE(accepted("waivers: []\n"));
  EXPECT_FALSE(accepted("waiver: []\n"));
}

}  // namespace
}  // namespace hypervet::waive
