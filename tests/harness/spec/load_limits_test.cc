// SPDX-License-Identifier: Apache-2.0
// Large and hostile files: bounded time, and time that grows with the size alone. Times are
// reported, not asserted.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

std::string generated(unsigned cases) {
  std::string text = head("constants: {MSR: 0x10}") + "clauses:\n";
  const unsigned per_clause = 100;
  for (unsigned i = 0; i < cases; ++i) {
    if (i % per_clause == 0) {
      text += fmt::format(
          "  - id: t.c{}\n    level: must\n    section: s\n    text: t\n"
          "    violations: [{{v: {{at: rdmsr, msr: MSR, add: 1}}}}]\n    cases:\n",
          i);
    }
    text += fmt::format(
        "      - name: n{}\n        steps:\n          - rdmsr: {{msr: MSR + {}}}\n            "
        "expect: {{value: {}}}\n",
        i, i, i);
  }
  return text;
}

double seconds(const std::string& text, std::size_t& cases) {
  const auto begin = std::chrono::steady_clock::now();
  const auto specs = load_text(text, "generated.yaml");
  EXPECT_TRUE(specs) << to_string(specs.error().front());
  if (!specs) return 0;
  EXPECT_TRUE(lint(*specs).empty());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  cases = 0;
  for (const Clause& each : specs->interfaces[0].clauses) cases += each.cases.size();
  return took.count();
}

TEST(LoadLimits, AHundredThousandCases) {
  std::size_t cases = 0;
  const double tenth = seconds(generated(10'000), cases);
  EXPECT_EQ(cases, 10'000u);
  const std::string text = generated(100'000);
  const double all = seconds(text, cases);
  EXPECT_EQ(cases, 100'000u);
  RecordProperty("seconds_10000", std::to_string(tenth));
  RecordProperty("seconds_100000", std::to_string(all));
  fmt::print("10,000 cases: {:.2f} s, 100,000 cases ({:.1f} MB): {:.2f} s\n", tenth,
             static_cast<double>(text.size()) / 1e6, all);
}

TEST(LoadLimits, TenMegabytesOfOneBlockScalar) {
  std::string text = head() + "# ";
  text += std::string(10 << 20, 'x') + "\n";
  EXPECT_TRUE(load_text(text, "t"));
}

TEST(LoadLimits, TenMegabytesOfProblems) {
  std::string text = head() + "clauses:\n";
  while (text.size() < (10u << 20)) text += "  - {id: UPPER}\n";
  const auto specs = load_text(text, "t");
  ASSERT_FALSE(specs);
  ASSERT_EQ(specs.error().size(), Problems::kLimit + 1);
  EXPECT_TRUE(specs.error().back().message.ends_with(" further problems are not shown"))
      << specs.error().back().message;
}

TEST(LoadLimits, TenMegabytesInOneLine) {
  std::string text = head() + "clauses: [";
  while (text.size() < (4u << 20)) text += "{id: UPPER},";
  text += "]\n";
  const auto specs = load_text(text, "t");
  ASSERT_FALSE(specs);
  EXPECT_LT(specs.error()[5].line_text.size(), 200u);
}

TEST(LoadLimits, OneMapWithManyKeys) {
  std::string text = head() + "constants:\n";
  for (unsigned i = 0; i < 200'000; ++i) text += fmt::format("  C{}: {}\n", i, i);
  const auto specs = load_text(text, "t");
  ASSERT_TRUE(specs);
  EXPECT_EQ(specs->interfaces[0].constants.size(), 200'000u);
}

TEST(LoadLimits, TooLargeAText) {
  const auto specs = load_text(std::string((16u << 20) + 1, ' '), "t");
  ASSERT_FALSE(specs);
  EXPECT_EQ(to_string(specs.error()[0]), "t: is larger than 16 MiB");
}

}  // namespace
}  // namespace hypervet::spec
