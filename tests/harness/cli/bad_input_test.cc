// SPDX-License-Identifier: Apache-2.0
// Bad input: one clear line, the documented status, nothing lost.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

struct Usage {
  std::vector<std::string> arguments;
  int status;
  std::string says;
};

class UsageTest : public ::testing::TestWithParam<Usage> {};

TEST_P(UsageTest, OneLineAndTheDocumentedStatus) {
  Folder folder;
  const auto result = execute(folder, GetParam().arguments);
  EXPECT_EQ(result.status, GetParam().status) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().says));
  EXPECT_THAT(result.err, StartsWith("hypervet: "));
  EXPECT_EQ(lines(result.err), 1) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    Words, UsageTest,
    ::testing::Values(Usage{{"run", "nobody.*"}, 2, "no clause or case matches 'nobody.*'"},
                      Usage{{"list", "nobody.*"}, 2, "no clause or case matches 'nobody.*'"},
                      Usage{{"explain", "nobody"}, 2, "no clause or case matches 'nobody'"},
                      Usage{{"vet", "nobody"}, 2, "no clause or case matches 'nobody'"},
                      Usage{{"run", "--backend", "vax"}, 2, "unknown backend 'vax'"},
                      Usage{{"run", "--frobnicate"}, 2, "--frobnicate"},
                      Usage{{"frobnicate"}, 2, "unknown verb 'frobnicate'"},
                      Usage{{}, 2, "subcommand"},
                      Usage{{"run", "--shard", "3/2"}, 2, "--shard takes I/N"},
                      Usage{{"run", "--level", "perhaps"}, 2, "perhaps"},
                      Usage{{"run", "--jobs", "0"}, 2, "0"},
                      Usage{{"run", "--timeout", "-1"}, 2, "-1"},
                      Usage{{"run", "--report", "pdf=x"}, 2, "unknown report format 'pdf'"},
                      Usage{{"run", "--report", "html"}, 2, "--report takes FORMAT=FILE"},
                      Usage{{"run", "--isolation", "batch"}, 2, "--isolation batch"},
                      Usage{{"run", "--backend", "kvm", "--kvm-device", "/nonexistent"},
                            3,
                            "backend kvm is unavailable"},
                      Usage{{"run", "--backend", "kvm", "--kvm-device", "/dev/null"},
                            3,
                            "backend kvm is unavailable"},
                      Usage{{"run", "--results", "/proc/nowhere/r.jsonl"}, 3, "/proc/nowhere"},
                      Usage{{"run", "--results", "/dev/full"}, 3, "No space left"},
                      Usage{{"run", "kvm.msr.*", "--report", "html=/proc/nowhere/r.html"},
                            3,
                            "/proc/nowhere/r.html"},
                      Usage{{"report", "/nonexistent.jsonl"}, 2, "/nonexistent.jsonl"},
                      Usage{{"rerun", "/nonexistent.jsonl"}, 2, "/nonexistent.jsonl"},
                      Usage{{"exec", "/nonexistent.elf"}, 3, "/nonexistent.elf"},
                      Usage{{"exec", "/bin/sh"}, 3, "/bin/sh"},
                      Usage{{"exec", "/etc/passwd"}, 3, "/etc/passwd"}));

TEST(BadSpecTest, FileLineColumnTheLineAndACaret) {
  Folder folder;
  folder.write("bad.yaml",
               "interface: t.bad\ntitle: Bad\nsource: {document: d, version: v}\nclausees: []\n");
  for (const char* verb : {"lint", "run", "vet", "list", "coverage"}) {
    const auto result = std::string(verb) == "lint"
                            ? execute(folder, {"lint", "bad.yaml"})
                            : execute(folder, {verb, "--specs", "bad.yaml"});
    EXPECT_EQ(result.status, 2) << verb;
    EXPECT_THAT(result.err, HasSubstr("bad.yaml:4:1: ")) << verb;
    EXPECT_THAT(result.err, HasSubstr("\nclausees: []\n^")) << verb;
  }
}

TEST(BadSpecTest, TheSuiteItselfHasNoProblem) {
  Folder folder;
  const auto lint = execute(folder, {"lint"});
  EXPECT_EQ(lint.status, 0) << lint.err;
  EXPECT_EQ(lint.out + lint.err, "");
  const auto coverage = execute(folder, {"coverage"});
  EXPECT_EQ(coverage.status, 0) << coverage.out;
}

TEST(ClosedPipeTest, AReaderThatGoesAwayIsAnErrorNotADeath) {
  Folder folder;
  const auto result =
      shell(folder, "\"$HV\" run --results - | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(result.status, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("Broken pipe"));
}

TEST(FullDiskTest, TheStreamSaysSoAndTheEarlierOneIsKeptApart) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "kvm.msr.*", "--results", "good.jsonl"}).status, 0);
  const auto before = folder.read("good.jsonl");
  EXPECT_EQ(execute(folder, {"report", "good.jsonl", "--format", "html", "-o", "/dev/full"}).status,
            3);
  EXPECT_EQ(folder.read("good.jsonl"), before);
}

TEST(PayloadTest, AMissingPayloadIsNamed) {
  Folder folder;
  folder.write("x.elf", std::string("\177ELF") + std::string(60, '\0'));
  const auto result = execute(folder, {"exec", "x.elf"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("x.elf"));
}

}  // namespace
}  // namespace hypervet::testing
