// SPDX-License-Identifier: Apache-2.0
// Lint of clauses, features and violations.
#include "harness/spec/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using ::testing::ElementsAre;

TEST(Lint, TheExampleOfTheReadmeIsClean) {
  EXPECT_THAT(lint_problems(readme_example()), ElementsAre());
}

TEST(Lint, TheSpecsThatComeWithUsLoadAndAreClean) {
  const std::vector<std::filesystem::path> folder = {std::string(HV_SOURCE_DIR) + "/specs"};
  const auto specs = load(folder);
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  for (const Diagnostic& each : lint(*specs)) ADD_FAILURE() << to_string(each);
}

const std::string kCase =
    "    cases: [{steps: [{alloc: {as: area, size: 4}}], for: {bit: [1, 2]}}]\n";

// A clause from line 6 on; its own lines from line 10.
std::string clause(std::string_view text) {
  return head("constants: {MSR: 0x10}") +
         "clauses:\n  - id: t.x\n    level: must\n    section: s\n    text: t\n" +
         std::string(text);
}

// Violations in line 11, behind "    violations: [{v: " (column 22).
std::string violation(std::string_view rule) {
  return clause(kCase) + "    violations: [{v: " + std::string(rule) + "}]\n";
}

TEST(Lint, AClauseIsTestedOrSaysWhyNot) {
  EXPECT_THAT(lint_problems(clause("")),
              ElementsAre("6:9: t.x has neither cases nor 'untestable:'"));
  EXPECT_THAT(lint_problems(clause(kCase)),
              ElementsAre("6:9: t.x has no violations: nothing shows that its cases can fail"));
  EXPECT_THAT(lint_problems(clause("    untestable: why\n")), ElementsAre());
  EXPECT_THAT(lint_problems(violation("{at: rdmsr, add: 1}") + "    untestable: why\n"),
              ElementsAre("6:9: t.x has cases and 'untestable:'",
                          "11:19: t.x is untestable but has violations"));
}

TEST(Lint, Features) {
  const std::string features =
      "features: {t.a: {cpuid: {leaf: 1, register: eax, bit: 1}}, t.s: {cpuid: {leaf: 1, ebx: 1, "
      "ecx: 2, edx: 3}}}\n";
  EXPECT_THAT(
      lint_problems(head(features + "requires: [t.a, t.b]\nmachine: {without: [t.c, t.s]}")),
      ElementsAre("6:21: unknown feature 't.c', did you mean 't.a'?",
                  "6:26: 't.s' is told by a signature and cannot be withheld",
                  "5:17: unknown feature 't.b', did you mean 't.a'?"));
}

TEST(Lint, OneProblemWithItsLineAndCaret) {
  const auto specs = load_text(violation("{at: rdmsr, msr: MRS, add: 1}"), "specs/t.yaml");
  ASSERT_TRUE(specs);
  const Diagnostics problems = lint(*specs);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(to_string(problems[0]),
            "specs/t.yaml:11:39: no case of the clause has the name 'MRS', did you mean 'MSR'?\n"
            "    violations: [{v: {at: rdmsr, msr: MRS, add: 1}}]\n"
            "                                      ^");
}

struct Bad {
  std::string rule;
  std::vector<std::string> problems;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.rule; }

class LintViolation : public ::testing::TestWithParam<Bad> {};
TEST_P(LintViolation, IsCheckedAgainstItsSeam) {
  EXPECT_EQ(lint_problems(violation(GetParam().rule)), GetParam().problems);
}

const Bad kRules[] = {
    {"{at: wrmsr, msr: MSR, bit: bit, value-is: area + 1, fault: \"#GP(0)\"}", {}},
    {"{at: hypercall, nr: unknown, rax: -38, fault: none}", {}},
    {"{at: switch, name: anything-at-all}", {}},
    {"{}", {"11:22: a violation needs 'at:'"}},
    {"{at: rdmrs, add: 1}",
     {"11:27: at is hypercall, cpuid, rdmsr, wrmsr, memory, interrupt, apic, exit, switch, "
      "register, config, pci-config, dma-write, dma-read, notify or virtio-interrupt, not "
      "'rdmrs', did you mean 'rdmsr'?"}},
    {"{at: rdmsr, msr: MSR}", {"11:19: the violation 'v' has conditions but no effect"}},
    {"{at: rdmsr}", {"11:19: the violation 'v' has conditions but no effect"}},
    {"{at: rdmsr, ad: 1}", {"11:34: unknown key 'ad' in a violation at rdmsr, did you mean 'at'?"}},
    {"{at: rdmsr, fault: \"#UD\"}", {"11:41: fault is #GP(0) or none, not '#UD'"}},
    {"{at: rdmsr, add: }", {"11:39: add is a single value, not nothing"}},
    {"{at: rdmsr, add: [1]}", {"11:39: add is a single value, not a list"}},
    {"{at: rdmsr, add: 1 +}", {"11:42: something is missing at the end of the expression"}},
    {"{at: rdmsr, add: 1 / (MSR - MSR)}", {"11:41: division by zero"}},
    {"{at: rdmsr, add: bits(3)}", {"11:39: a violation takes one number, not a list"}},
    {"{at: rdmsr, add: areaa}", {"11:39: no case of the clause has the name 'areaa'"}},
    {"{at: interrupt, drop: no}", {"11:44: drop is yes, not 'no'"}},
};
INSTANTIATE_TEST_SUITE_P(Rules, LintViolation, ::testing::ValuesIn(kRules));

TEST(LintViolations, NamesOfDifferentCases) {
  const std::string cases =
      "    cases:\n      - {name: a, for: {x: [1]}, steps: [{rdtsc: {}}]}\n      - {name: b, for: "
      "{y: [1]}, steps: [{rdtsc: {as: z}}]}\n";
  EXPECT_THAT(lint_problems(clause(cases + "    violations:\n      - one: {at: rdmsr, add: x}\n    "
                                           "  - both: {at: rdmsr, add: x + y}\n"
                                           "      - observed: {at: rdmsr, add: z}\n")),
              ElementsAre("15:32: no case of the clause has all the names of this violation",
                          "16:36: no case of the clause has the name 'z'"));
}

}  // namespace
}  // namespace hypervet::spec
