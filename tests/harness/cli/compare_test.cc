// SPDX-License-Identifier: Apache-2.0
// hypervet compare over stored runs, as a user has it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Machine {
  const char* target = "Linux 6.1";
  const char* backend = "kvm";
  const char* cpu = "EPYC";
  const char* payload = "sha256:1";
};

std::string run_line(const Machine& machine) {
  return fmt::format(
      R"({{"type":"run","format":1,"hypervet":"0.1.0","started":"2025-03-01T09:15:00Z",)"
      R"("backend":"{}","target":"{}","provider":"host kernel","cpu":"{}","payload_hash":"{}",)"
      R"("planned":0}})"
      "\n",
      machine.backend, machine.target, machine.cpu, machine.payload);
}

// 15 launches of 100 samples: a launch shifts by up to `noise`, its samples by up to a hundredth.
std::string path_line(const std::string& id, double cost, int launches = 15, double noise = 0.004,
                      const std::string& unit = "ns") {
  std::vector<std::string> lists;
  for (int launch = 0; launch < launches; ++launch) {
    const double shift = 1 + noise * ((launch * 7) % 15 - 7) / 7;
    std::vector<double> samples;
    for (int i = 0; i < 100; ++i)
      samples.push_back(cost * shift * (1 + 0.01 * ((i * 37) % 100 - 50) / 50 * (noise > 0)));
    lists.push_back(fmt::format("[{}]", fmt::join(samples, ",")));
  }
  return fmt::format(
      R"({{"type":"path","id":"{}","interface":"kvm","what":"x","unit":"{}","samples":{},"min":1,)"
      R"("median":1,"p99":1,"launches":[{}]}})"
      "\n",
      id, unit, 100 * launches, fmt::join(lists, ","));
}

constexpr const char* kSummary =
    R"({"type":"summary","counts":{},"planned":0,"executed":0,"conformant":false,"exit_status":0})"
    "\n";

class CompareTest : public ::testing::Test {
 protected:
  void older(const std::string& paths, const Machine& machine = {}) {
    folder.write("a.jsonl", run_line(machine) + paths + kSummary);
  }
  void newer(const std::string& paths, const Machine& machine = {.target = "Linux 6.12"}) {
    folder.write("b.jsonl", run_line(machine) + paths + kSummary);
  }
  Result compare(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"compare", "a.jsonl", "b.jsonl"});
    return execute(folder, more);
  }
  Folder folder;
};

TEST_F(CompareTest, TheSameBuildIsEquivalent) {
  older(path_line("p.one", 1000) + path_line("p.two", 50));
  newer(path_line("p.one", 1000) + path_line("p.two", 50));
  const auto result = compare({"--fail-on", "inconclusive"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              StartsWith("A  a.jsonl: Linux 6.1 (kvm); hypervet 0.1.0, 2025-03-01T09:15:00Z\n"
                         "B  b.jsonl: Linux 6.12 (kvm); hypervet 0.1.0, "));
  EXPECT_THAT(result.out,
              HasSubstr("10000 draws, seed 1; margin 2.0 %; noise floor from the launches"));
  EXPECT_THAT(result.out, HasSubstr("\nwarning: A and B were not launched in turn"));
  EXPECT_THAT(result.out, HasSubstr("\n  path            A          B  unit  "));
  EXPECT_THAT(result.out, EndsWith("\n2 equivalent\n"));
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << "no terminal, no colour";
  EXPECT_EQ(compare({"--fail-on", "inconclusive"}).out, result.out) << "chance depends on the seed";
  EXPECT_NE(compare({"--seed", "7"}).out, result.out);
}

TEST_F(CompareTest, ARegressionFails) {
  older(path_line("p.slow", 1000) + path_line("p.fast", 1000) + path_line("p.same", 1000));
  newer(path_line("p.slow", 1050) + path_line("p.fast", 900) + path_line("p.same", 1001));
  const auto result = compare();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("regressed\n  p.fast"));
  EXPECT_THAT(result.out, HasSubstr("+5.0 % (+4."));
  EXPECT_THAT(result.out, HasSubstr("improved\n  p.same"));
  EXPECT_THAT(result.out, EndsWith("\n1 regressed, 1 improved, 1 equivalent\n"));
  EXPECT_EQ(compare({"--margin", "6"}).status, 0) << "5 % is of no interest";
  EXPECT_EQ(compare({"p.s*"}).status, 1);
  const auto chosen = compare({"p.fast", "p.same"});
  EXPECT_EQ(chosen.status, 0);
  EXPECT_THAT(chosen.out, EndsWith("\n1 improved, 1 equivalent\n"));
}

TEST_F(CompareTest, InconclusiveFailsOnlyWhenAsked) {
  older(path_line("p", 1000, 15, 0.06));
  newer(path_line("p", 1030, 15, 0.06));
  EXPECT_EQ(compare({"--margin", "0.5"}).status, 0);
  const auto result = compare({"--margin", "0.5", "--fail-on", "inconclusive"});
  EXPECT_EQ(result.status, 5);
  EXPECT_THAT(result.out, EndsWith("\n1 inconclusive\n"));
}

TEST_F(CompareTest, WhatCannotBeComparedIsNotGreen) {
  older(path_line("p.few", 10, 3) + path_line("p.noisy", 1000, 15, 0.3) + path_line("p.gone", 10) +
        R"({"type":"path","id":"p.never","interface":"a","reason":"no hook"})"
        "\n" +
        path_line("p.hangs", 10));
  newer(path_line("p.few", 10, 15) + path_line("p.noisy", 1010, 15, 0.3) +
        R"({"type":"path","id":"p.never","interface":"a","reason":"no hook"})"
        "\n" +
        R"({"type":"path","id":"p.hangs","interface":"a","reason":"in launch 2: hangs"})"
        "\n");
  const auto result = compare();
  EXPECT_EQ(result.status, 6);
  EXPECT_THAT(result.out,
              HasSubstr("\n      too few launches: 3 in A, 15 in B, at least 8 are needed\n"));
  EXPECT_THAT(result.out, HasSubstr("\n      too noisy: the noise floor is "));
  EXPECT_THAT(result.out, HasSubstr("\n      no figures in B: in launch 2: hangs\n"));
  EXPECT_THAT(result.out, HasSubstr("\n      no figures in B: not in this run\n"));
  EXPECT_THAT(result.out, EndsWith("\n4 not comparable; 1 path skipped on both sides\n"));
}

TEST_F(CompareTest, CountedCostsAreExact) {
  older(path_line("p.more", 1203, 1, 0, "instructions") +
        path_line("p.same", 7, 1, 0, "instructions"));
  newer(path_line("p.more", 1204, 1, 0, "instructions") +
        path_line("p.same", 7, 1, 0, "instructions"));
  auto result = compare();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("\ncounted, not measured: differences are exact\n"));
  EXPECT_THAT(result.out, HasSubstr("+1 (+0.08 %)     none  regressed\n"));
  EXPECT_THAT(result.out, HasSubstr("0 (+0.00 %)     none  equivalent\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("warning")));
  EXPECT_EQ(compare({"--margin", "1"}).status, 0);
}

TEST_F(CompareTest, RunsThatHaveNothingToDoWithEachOther) {
  older(path_line("p", 10));
  const auto says = [&](const Machine& machine, const std::string& what) {
    newer(path_line("p", 10), machine);
    const auto result = compare();
    EXPECT_EQ(result.status, 6);
    EXPECT_EQ(result.err, "hypervet: not comparable: " + what + "\n");
    EXPECT_EQ(result.out, "");
  };
  says({.payload = "sha256:2"}, "other payload: sha256:1 in A, sha256:2 in B");
  says({.cpu = "Xeon"}, "other CPU: EPYC in A, Xeon in B");
  says({.backend = "sim"}, "other backend: kvm in A, sim in B");
}

TEST_F(CompareTest, ReportsAsDocuments) {
  older(path_line("p", 1000));
  newer(path_line("p", 1100));
  const auto result = compare({"--report", "json=c.json"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, EndsWith("report: c.json\n1 regressed\n"));
  const auto document = nlohmann::json::parse(folder.read("c.json"));
  EXPECT_EQ(document["rows"][0]["outcome"], "regressed");
  EXPECT_NEAR(document["rows"][0]["ratio"]["value"].get<double>(), 1.1, 1e-9);
  EXPECT_EQ(document["rows"][0]["b"]["launch_medians"].size(), 15u);
  EXPECT_EQ(document["a"]["run"]["target"], "Linux 6.1");
  EXPECT_EQ(document["counts"]["regressed"], 1);
  EXPECT_EQ(compare({"--report", "json=-"}).out, folder.read("c.json"));
  EXPECT_EQ(compare({"--report", "json=/nowhere/c.json"}).status, 3);
}

TEST_F(CompareTest, BadInputIsOneClearLine) {
  older(path_line("p", 10));
  newer(path_line("p", 10));
  folder.write("cut.jsonl", run_line({}) + path_line("p", 10) + R"({"type":"path","i)");
  folder.write("stopped.jsonl", run_line({}) + path_line("p", 10));
  folder.write("none.jsonl", run_line({}) + kSummary);
  folder.write("zero.jsonl", run_line({}) + path_line("p", 10, 0) + kSummary);
  const auto usage = [&](const std::vector<std::string>& arguments, const std::string& says) {
    const auto result = execute(folder, arguments);
    EXPECT_EQ(result.status, 2) << says;
    EXPECT_THAT(result.err, StartsWith("hypervet: "));
    EXPECT_THAT(result.err, HasSubstr(says));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  };
  usage({"compare", "a.jsonl", "cut.jsonl"},
        "cut.jsonl: the run was cut short: its last line is not whole");
  usage({"compare", "stopped.jsonl", "a.jsonl"},
        "stopped.jsonl: the run was cut short: it has no summary");
  usage({"compare", "a.jsonl", "none.jsonl"}, "none.jsonl: no path was timed in this run");
  usage({"compare", "a.jsonl", "zero.jsonl"}, "zero.jsonl:2:");
  usage({"compare", "a.jsonl", "zero.jsonl"}, "\"samples\" of path record is 0");
  usage({"compare", "a.jsonl", "absent.jsonl"}, "absent.jsonl: cannot open");
  usage({"compare", "a.jsonl"}, "B is required");
  usage({"compare", "-", "-"}, "only one of the two");
  usage({"compare", "a.jsonl", "b.jsonl", "--report", "pdf=x"}, "unknown report format 'pdf'");
  usage({"compare", "a.jsonl", "b.jsonl", "--report", "json"}, "FORMAT=FILE");
  usage({"compare", "a.jsonl", "b.jsonl", "--margin", "-3"}, "--margin");
  usage({"compare", "a.jsonl", "b.jsonl", "--draws", "10"}, "--draws");
  usage({"compare", "a.jsonl", "b.jsonl", "--fail-on", "rain"}, "--fail-on");
  usage({"compare", "a.jsonl", "b.jsonl", "q.*"}, "no path of either run matches 'q.*'");
}

TEST_F(CompareTest, HelpStatesTheStatuses) {
  const auto result = execute(folder, {"compare", "--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("5 a path is inconclusive and --fail-on inconclusive"));
  EXPECT_THAT(result.out, HasSubstr("6 a path is too noisy or cannot be compared"));
}

}  // namespace
}  // namespace hypervet::testing
