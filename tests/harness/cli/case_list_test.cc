// SPDX-License-Identifier: Apache-2.0
// hypervet run --cases, as a user has it.
#include <gmock/gmock.h>

#include "reports/stream/reader.h"
#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kList =
    "# two of one clause, backwards\nkvm.kick-cpu.ignores-a0[a0=0xffffffffffffffff]\n\n"
    "kvm.kick-cpu.ignores-a0[a0=1]\n";

std::vector<std::string> ids(const Folder& folder, const std::string& stream) {
  std::vector<std::string> found;
  const auto read = reports::read_results_file(folder.file(stream));
  EXPECT_TRUE(read);
  if (!read) return found;
  for (const auto& record : read->results.cases) found.push_back(record.id);
  return found;
}

TEST(CasesTest, ExactlyTheListedInTheirOrder) {
  Folder folder;
  folder.write("list", kList);
  const auto run = execute(folder, {"run", "--cases", "list", "--results", "r.jsonl"});
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(ids(folder, "r.jsonl"), ElementsAre("kvm.kick-cpu.ignores-a0[a0=0xffffffffffffffff]",
                                                  "kvm.kick-cpu.ignores-a0[a0=1]"));
}

TEST(CasesTest, FromStandardInputAsListPrintsThem) {
  Folder folder;
  const auto run = shell(folder,
                         "\"$HV\" list --cases 'kvm.kick-cpu.ignores-a0' | "
                         "\"$HV\" run --cases - --results r.jsonl");
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_EQ(ids(folder, "r.jsonl").size(), 2);
}

TEST(CasesTest, MistakesAreOneLineAndStatusTwo) {
  Folder folder;
  folder.write("list", std::string(kList) + "kvm.nobody\n");
  folder.write("twice", std::string(kList) + kList);
  const auto says = [&](const std::vector<std::string>& words, const std::string& text) {
    const auto result = execute(folder, words);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  says({"run", "--cases", "list"}, "list:5: no case has the id 'kvm.nobody'");
  says({"run", "--cases", "twice"}, "stands in line 2 already");
  says({"run", "--cases", "/nonexistent"}, "/nonexistent: ");
  says({"run", "--cases", "/"}, "/: ");
  says({"run", "--cases", "-"}, "standard input: lists no case");
  says({"run", "kvm.*", "--cases", "list"}, "--cases");
  says({"run", "--cases", "list", "--level", "must"}, "--cases");
  says({"run", "--cases", "list", "--shard", "1/2"}, "--cases");
}

}  // namespace
}  // namespace hypervet::testing
