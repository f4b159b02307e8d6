// SPDX-License-Identifier: Apache-2.0
// hypervet diff, as a user has it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string run_line(const std::string& target, int planned, const std::string& specs = "5pec5") {
  return fmt::format(
      R"({{"type":"run","format":1,"hypervet":"0.1.0","started":"2025-03-01T09:15:00Z","backend":"kvm",)"
      R"("target":"{}","provider":"host kernel","spec_hash":"{}","planned":{}}})"
      "\n",
      target, specs, planned);
}

std::string case_line(const std::string& id, const std::string& verdict,
                      const std::string& observed = "", const std::string& reason = "") {
  return fmt::format(
      R"({{"type":"case","id":"{0}","clause":"{0}","interface":"a","level":"must","verdict":"{1}",)"
      R"("observed":"{2}","reason":"{3}"}})"
      "\n",
      id, verdict, observed, reason);
}

constexpr const char* kSummary =
    R"({"type":"summary","counts":{},"planned":3,"executed":3,"conformant":true,"exit_status":0})"
    "\n";

class DiffTest : public ::testing::Test {
 protected:
  DiffTest() {
    folder.write("a.jsonl", run_line("Linux 6.1", 3) + case_line("a.one", "pass") +
                                case_line("a.two", "hang", "", "no end") +
                                case_line("a.three", "fail", "rax = 1") + kSummary);
  }
  void newer(const std::string& cases, const std::string& specs = "5pec5") {
    folder.write("b.jsonl", run_line("Linux 6.12", 3, specs) + cases + kSummary);
  }
  Result diff(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"diff", "a.jsonl", "b.jsonl"});
    return execute(folder, more);
  }
  Folder folder;
};

TEST_F(DiffTest, EqualRunsHaveNoDifference) {
  const auto result = execute(folder, {"diff", "a.jsonl", "a.jsonl"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "A  a.jsonl: Linux 6.1 (kvm); hypervet 0.1.0, 2025-03-01T09:15:00Z, specs 5pec5\n"
            "B  a.jsonl: Linux 6.1 (kvm); hypervet 0.1.0, 2025-03-01T09:15:00Z, specs 5pec5\n"
            "\nno difference; 3 unchanged (1 pass, 1 fail, 1 hang)\n");
}

TEST_F(DiffTest, OneLinePerDifferenceWorstFirst) {
  newer(case_line("a.three", "fail", "rax = 2") + case_line("a.two", "pass") +
        case_line("a.one", "crash", "", "triple fault"));
  const auto result = diff();
  EXPECT_EQ(result.status, 1) << "something got worse";
  EXPECT_THAT(result.out, HasSubstr("\ngot worse (1)\n  pass  -> crash  a.one: triple fault\n"
                                    "\nstill failing, differently (1)\n"
                                    "  fail  -> fail   a.three: observed rax = 2 (was rax = 1)\n"
                                    "\ngot better (1)\n  hang  -> pass   a.two\n"));
  EXPECT_THAT(result.out, EndsWith("\n1 got worse, 1 still failing, differently, 1 got better; 0 "
                                   "unchanged\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("warning")));
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << "no terminal, no colour";
}

TEST_F(DiffTest, OnlyWhatGotWorseCountsAgainstTheNewRun) {
  newer(case_line("a.one", "pass") + case_line("a.two", "fail", "rax = 1") +
        case_line("a.new", "fail"));
  const auto result = diff();
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("changed in kind (1)\n  hang  -> fail   a.two\n"));
  EXPECT_THAT(result.out, HasSubstr("only in A (1)\n  fail  -> -      a.three\n"));
  EXPECT_THAT(result.out, HasSubstr("only in B (1)\n  -     -> fail   a.new\n"));
}

TEST_F(DiffTest, OtherSpecsAreWarnedOf) {
  newer(case_line("a.one", "pass"), "07her");
  EXPECT_THAT(diff().out, HasSubstr("\nwarning: The specs differ (A: 5pec5, B: 07her): it is not "
                                    "only the target that changed.\n"));
}

TEST_F(DiffTest, AStreamCutShortIsToldAndCompared) {
  folder.write("b.jsonl",
               run_line("Linux 6.12", 3) + case_line("a.one", "fail") + R"({"type":"case","i)");
  const auto result = diff();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "hypervet: b.jsonl: the last line is cut; the rest is compared\n");
  EXPECT_THAT(result.out, HasSubstr("warning: B did not finish: 1 of 3 planned cases executed"));
  EXPECT_THAT(result.out, HasSubstr("pass  -> fail   a.one"));
}

TEST_F(DiffTest, NothingInCommonIsNotGreen) {
  newer(case_line("b.one", "pass"));
  const auto result = diff();
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.out, HasSubstr("No case was judged in both runs: nothing was compared."));
}

TEST_F(DiffTest, ReportsOfEitherFormat) {
  newer(case_line("a.one", "fail"));
  const auto result = diff({"--report", "html=d.html", "--report", "json=d.json"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("report: d.html\nreport: d.json\n1 got worse"));
  EXPECT_THAT(folder.read("d.html"), HasSubstr("1 case got worse"));
  const auto alone = diff({"--report", "json=-"});
  EXPECT_EQ(alone.out, folder.read("d.json")) << "nothing else on standard output";
}

TEST_F(DiffTest, BadInputIsOneClearLine) {
  newer(case_line("a.one", "pass"));
  folder.write("bad.jsonl", run_line("x", 1) + "{oops}\n");
  const auto usage = [&](const std::vector<std::string>& arguments, const std::string& says) {
    const auto result = execute(folder, arguments);
    EXPECT_EQ(result.status, 2) << says;
    EXPECT_THAT(result.err, StartsWith("hypervet: "));
    EXPECT_THAT(result.err, HasSubstr(says));
    EXPECT_EQ(result.out, "");
  };
  usage({"diff", "a.jsonl"}, "B is required");
  usage({"diff", "a.jsonl", "b.jsonl", "a.jsonl"}, "a.jsonl");
  usage({"diff", "a.jsonl", "absent.jsonl"}, "absent.jsonl: cannot open");
  usage({"diff", "bad.jsonl", "b.jsonl"}, "bad.jsonl:2:2: ");
  usage({"diff", "-", "-"}, "only one of the two");
  usage({"diff", "a.jsonl", "b.jsonl", "--report", "junit=x"},
        "unknown report format 'junit' of a difference; there are html, json");
  usage({"diff", "a.jsonl", "b.jsonl", "--report", "html"}, "--report takes FORMAT=FILE");
  const auto unwritable = diff({"--report", "html=/dev/full"});
  EXPECT_EQ(unwritable.status, 3);
  EXPECT_THAT(unwritable.err, HasSubstr("/dev/full: cannot write the html report"));
}

TEST_F(DiffTest, ColourOnATerminalUnlessNoColor) {
  newer(case_line("a.one", "fail"));
  const auto on_terminal = [&](const std::string& setting) {
    return shell(folder, setting + " TERM=xterm script -qec '\"$HV\" diff a.jsonl b.jsonl' log");
  };
  EXPECT_THAT(on_terminal("").out, HasSubstr("\x1b[1;31mfail \x1b[0m"));
  EXPECT_EQ(on_terminal("NO_COLOR=1").out.find("\x1b["), std::string::npos);
}

}  // namespace
}  // namespace hypervet::testing
