// SPDX-License-Identifier: Apache-2.0
// The writers of plain formats: each is read back by a parser of its format, and its counts are
// those of the results.
#include "reports/writers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <regex>
#include <sstream>

#include "reports/digest.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string written(std::string_view format, const Results& results, bool color = false) {
  std::ostringstream out;
  const WriterStatus status = find_format(format)->write(results, out, {.color = color});
  EXPECT_TRUE(status) << status.error();
  return out.str();
}

TEST(Formats, AreFoundByName) {
  EXPECT_EQ(format_names(), "console, html, json, junit, ktap, sarif");
  EXPECT_EQ(find_format("junit")->extension, "xml");
  EXPECT_EQ(find_format("pdf"), nullptr);
}

TEST(Formats, WriteReportNamesThePathThatFails) {
  const Format& format = *find_format("json");
  EXPECT_EQ(write_report(format, samples::mixed(), "/proc/nowhere/r.json").error(),
            "/proc/nowhere/r.json: cannot create the json report: No such file or directory");
  for (const Format& each : formats()) {
    EXPECT_EQ(write_report(each, samples::large(500), "/dev/full").error(),
              "/dev/full: cannot write the " + std::string(each.name) +
                  " report: No space left on device");
  }
  const std::string path = ::testing::TempDir() + "report.json";
  ASSERT_TRUE(write_report(format, samples::mixed(), path));
  std::ifstream file(path);
  EXPECT_EQ(json::parse(file)["cases"].size(), 18u);
  std::remove(path.c_str());
}

TEST(Formats, EveryWriterTakesEmptyInterruptedAndHostileRuns) {
  Results interrupted = samples::mixed();
  interrupted.cases.resize(4);
  interrupted.summary.reset();
  interrupted.truncated = true;
  for (const Format& format : formats()) {
    EXPECT_FALSE(written(format.name, Results()).empty()) << format.name;
    EXPECT_FALSE(written(format.name, interrupted).empty()) << format.name;
    const std::string hostile = written(format.name, samples::hostile());
    EXPECT_EQ(hostile.find('\x1b'), hostile.npos) << format.name;
    EXPECT_EQ(hostile.find('\xff'), hostile.npos) << format.name;
  }
}

TEST(Console, ShowsWhatDidNotPassAndHowToReproduceIt) {
  const std::string text = written("console", samples::mixed());
  EXPECT_THAT(
      text, HasSubstr("fail  MUST   kvm.hypercall.unknown-number/unused number[nr=0xffffffff]\n"));
  EXPECT_THAT(text, HasSubstr("        expected  rax = -KVM_ENOSYS (0xfffffffffffffc18)\n"
                              "                  all others unchanged\n"));
  EXPECT_THAT(text, HasSubstr("        observed  rax = 0xfffffffffffffc18\n"));
  EXPECT_THAT(text, HasSubstr("reproduce hypervet run 'kvm.hypercall.user-mode/from ring 3[nr=5]' "
                              "--backend kvm --seed 42\n"));
  EXPECT_THAT(text, HasSubstr("2 of 3 clauses judged; 1 without a case; 4 pass\n"));
  EXPECT_THAT(text, HasSubstr("18 cases: 12 pass, 2 fail, 1 hang, 1 crash, 1 skip, 1 error "
                              "(1 waived failure) in 2.09 s"));
  EXPECT_THAT(text, Not(HasSubstr("unused number[nr=13]"))) << "a plain pass is not listed";
}

TEST(Console, PathsAreATableAndARunOfThemAloneIsNoVerdict) {
  Results results = samples::mixed();
  const std::string table =
      "  path                           median        min        p99  unit           spread    "
      "noise  dividend\n"
      "  kvm.path.vmcall[nr=1]           412.5      400.2        503  ns              2.1 %    "
      "0.4 %  3.5x (3.438..3.562)\n"
      "  kvm.path.pio-user                1444       1432       1534  ns              2.1 %    "
      "0.4 %\n"
      "  kvm.path.send-ipi[cpus=2]  the target does not offer it: CPUID bit kvm.pv-send-ipi is 0\n"
      "  3 paths: 2 measured, 1 not\n";
  EXPECT_THAT(written("console", results), HasSubstr(table));
  EXPECT_THAT(written("console", results), HasSubstr("does not conform"));
  results.cases.clear();
  results.interfaces.clear();
  EXPECT_THAT(written("console", results), ::testing::EndsWith(table));
}

TEST(Console, ColourOnlyWhenAskedAndNeverFromTheGuest) {
  EXPECT_EQ(written("console", samples::hostile()).find('\x1b'), std::string::npos);
  EXPECT_EQ(written("console", samples::hostile()).find('\x07'), std::string::npos);
  const std::string coloured = written("console", samples::hostile(), true);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;31mfail \x1b[0m"));
  const std::string uncoloured = std::regex_replace(coloured, std::regex("\x1b\\[[0-9;]*m"), "");
  EXPECT_EQ(uncoloured, written("console", samples::hostile())) << "colour changes nothing else";
}

// Counts elements that testcases hold.
struct JUnitCounts {
  int cases = 0, failures = 0, errors = 0, skipped = 0;
  explicit JUnitCounts(const pugi::xml_node& root) {
    for (const auto& found : root.select_nodes(".//testcase")) {
      ++cases;
      failures += !found.node().child("failure").empty();
      errors += !found.node().child("error").empty();
      skipped += !found.node().child("skipped").empty();
    }
  }
};

void expect_counts(const pugi::xml_node& node) {
  const JUnitCounts counts(node);
  EXPECT_EQ(node.attribute("tests").as_int(-1), counts.cases);
  EXPECT_EQ(node.attribute("failures").as_int(-1), counts.failures);
  EXPECT_EQ(node.attribute("errors").as_int(-1), counts.errors);
  EXPECT_EQ(node.attribute("skipped").as_int(-1), counts.skipped);
}

TEST(JUnit, ParsesBackWithMatchingCounts) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(written("junit", samples::mixed()).c_str()));
  const pugi::xml_node suites = document.child("testsuites");
  expect_counts(suites);
  for (const pugi::xml_node& suite : suites.children("testsuite")) expect_counts(suite);
  const JUnitCounts all(suites);
  EXPECT_EQ(all.cases, 18);
  EXPECT_EQ(all.failures, 3) << "fail, hang, crash";
  EXPECT_EQ(all.errors, 1);
  EXPECT_EQ(all.skipped, 2) << "the skip and the waived failure";
  for (const char* type : {"fail", "hang", "crash"}) {
    const auto query = std::string("//failure[@type='") + type + "']";
    EXPECT_EQ(document.select_nodes(query.c_str()).size(), 1u) << type;
  }
  EXPECT_EQ(document.select_nodes("//property[@name='mark'][@value='waived']").size(), 1u);
  const auto failure = document.select_node("//failure[@type='fail']").node();
  EXPECT_THAT(failure.text().get(),
              HasSubstr("observed: rax = 0xfffffffffffffc18\nrbx = 0xdead (was 0x1)\n"));
}

TEST(JUnit, LogsAreTheOutputOfTheFirstSuite) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(written("junit", samples::mixed()).c_str()));
  EXPECT_EQ(document.select_nodes("//system-out").size(), 1u);
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_THAT(suite.child_value("system-out"),
              HasSubstr("kernel log of the lab:\n[    0.000000] Linux version 6.1.0-31-amd64\n"));
  Results nothing_judged;
  nothing_judged.logs = samples::mixed().logs;
  ASSERT_TRUE(document.load_string(written("junit", nothing_judged).c_str()));
  EXPECT_EQ(document.select_nodes("//testsuite[@tests='0']/system-out").size(), 1u);
}

TEST(JUnit, HostileStringsStayText) {
  const std::string text = written("junit", samples::hostile());
  pugi::xml_document document;
  const auto parsed = document.load_string(text.c_str());
  ASSERT_TRUE(parsed) << parsed.description();
  EXPECT_EQ(JUnitCounts(document).cases, 18);
  EXPECT_EQ(document.select_nodes("//script | //img | //svg").size(), 0u);
  // XML 1.0 has no way to write most control characters, not even as a reference (section 2.2).
  EXPECT_THAT(text, Not(HasSubstr("&#1;")));
  EXPECT_THAT(text, Not(HasSubstr("&#x1")));
  EXPECT_EQ(text.find_first_of("\x01\x07\x1b"), std::string::npos);
}

// A reader of KTAP: checks plans and numbering, counts results of subtests.
struct Ktap {
  int ok = 0, not_ok = 0;
  std::map<std::string, int> directives;
  std::vector<std::string> top;

  explicit Ktap(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    int plan = -1, seen = 0, sub_plan = -1, sub_seen = 0, versions = 0;
    const std::regex result(R"(( *)(ok|not ok) (\d+) ([^#]*?)( # ([A-Z]+).*)?)");
    for (std::smatch match; std::getline(lines, line);) {
      if (line == "KTAP version 1" || line == "  KTAP version 1") {
        ++versions;
      } else if (line.starts_with("1..")) {
        plan = std::stoi(line.substr(3));
      } else if (line.starts_with("  1..")) {
        sub_plan = std::stoi(line.substr(5));
        sub_seen = 0;
      } else if (std::regex_match(line, match, result)) {
        if (match[1].length() == 0) {
          EXPECT_EQ(std::stoi(match[3]), ++seen) << line;
          EXPECT_EQ(sub_seen, sub_plan) << line;
          top.push_back(match[2]);
        } else {
          EXPECT_EQ(std::stoi(match[3]), ++sub_seen) << line;
          ++(match[2] == "ok" ? ok : not_ok);
          if (match[6].matched) ++directives[match[6]];
        }
      } else {
        EXPECT_TRUE(line.starts_with("# ") || line.starts_with("  # ")) << line;
      }
    }
    EXPECT_EQ(seen, plan);
    EXPECT_EQ(versions, plan + 1);
  }
};

TEST(Ktap, PlansNumbersAndDirectivesAreRight) {
  const Ktap ktap(written("ktap", samples::mixed()));
  EXPECT_EQ(ktap.ok, 14) << "12 pass, 1 skip, 1 waived";
  EXPECT_EQ(ktap.not_ok, 4);
  EXPECT_EQ(ktap.directives,
            (std::map<std::string, int>{{"SKIP", 1}, {"TIMEOUT", 1}, {"ERROR", 1}, {"XFAIL", 1}}));
  EXPECT_EQ(ktap.top, (std::vector<std::string>{"not ok", "ok", "ok"}));
}

TEST(Ktap, GuestCannotForgeAResult) {
  const Ktap ktap(written("ktap", samples::hostile()));
  EXPECT_EQ(ktap.ok + ktap.not_ok, 18);
  EXPECT_EQ(ktap.not_ok, 4);
}

TEST(Json, HoldsRecordsAndDigest) {
  Results results = samples::mixed();
  results.others.push_back({"rumour", R"({"type":"rumour","median":1.5})"});
  const json document = json::parse(written("json", results));
  EXPECT_EQ(document["format"], 1);
  EXPECT_EQ(document["cases"].size(), 18u);
  EXPECT_EQ(document["cases"][2]["verdict"], "fail");
  EXPECT_EQ(document["interfaces"].size(), 3u);
  EXPECT_EQ(document["logs"][0]["name"], "kernel log of the lab");
  EXPECT_EQ(document["logs"][0]["text"], samples::mixed().logs[0].text);
  EXPECT_EQ(document["others"][0]["median"], 1.5);
  EXPECT_EQ(document["paths"][0]["median"], 412.5);
  EXPECT_EQ(document["paths"][0]["launches"][1][1], 412.5);
  EXPECT_EQ(document["summary"]["exit_status"], 1);
  EXPECT_EQ(document["digest"]["standing"], "violates");
  EXPECT_EQ(document["digest"]["coverage"]["judged"], 10);
  EXPECT_EQ(document["digest"]["counts"]["hang"], 1);
  EXPECT_TRUE(json::accept(written("json", samples::hostile())));
}

TEST(Sarif, RulesAreClausesAndResultsAreFailures) {
  const json document = json::parse(written("sarif", samples::mixed()));
  EXPECT_EQ(document["version"], "2.1.0");
  const json& run = document["runs"][0];
  const json& rules = run["tool"]["driver"]["rules"];
  EXPECT_EQ(rules.size(), 15u);
  ASSERT_EQ(run["results"].size(), 4u);
  for (const json& result : run["results"]) {
    EXPECT_EQ(rules[result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
  }
  const json& first = run["results"][0];
  EXPECT_EQ(first["level"], "error");
  const json& location = first["locations"][0]["physicalLocation"];
  EXPECT_EQ(location["artifactLocation"]["uri"], "specs/kvm.hypercall.yaml");
  EXPECT_EQ(location["region"], json({{"startLine", 38}, {"startColumn", 9}}));
  EXPECT_EQ(run["results"][3]["level"], "warning") << "a SHOULD";
  EXPECT_EQ(run["results"][3]["suppressions"][0]["kind"], "external") << "waived";
  EXPECT_EQ(run["invocations"][0]["toolExecutionNotifications"].size(), 1u);
  EXPECT_EQ(run["invocations"][0]["exitCode"], 1);
}

TEST(Sarif, ALocationMayLackItsColumnOrItsLine) {
  const auto physical = [](const char* location) {
    Results results = samples::mixed();
    for (Case& c : results.cases) c.location = location;
    const json document = json::parse(written("sarif", results));
    return document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
  };
  const json file = {{"uri", "specs/own.yaml"}};
  EXPECT_EQ(
      physical("specs/own.yaml:12:7"),
      json({{"artifactLocation", file}, {"region", {{"startLine", 12}, {"startColumn", 7}}}}));
  EXPECT_EQ(physical("specs/own.yaml:12"),
            json({{"artifactLocation", file}, {"region", {{"startLine", 12}}}}));
  EXPECT_EQ(physical("specs/own.yaml"), json({{"artifactLocation", file}}));
  EXPECT_EQ(physical("specs/odd:0"), json({{"artifactLocation", {{"uri", "specs/odd%3A0"}}}}));
}

TEST(Sarif, HostileLocationsBecomeValidUris) {
  const json document = json::parse(written("sarif", samples::hostile()));
  for (const json& result : document["runs"][0]["results"]) {
    const std::string uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    EXPECT_TRUE(std::regex_match(uri, std::regex("([A-Za-z0-9._~/-]|%[0-9A-F]{2})+"))) << uri;
  }
}

// Ten times the cases take less than thirty times the processor time.
class Cost : public ::testing::TestWithParam<Format> {};
TEST_P(Cost, IsLinear) {
  const auto seconds_for = [](std::size_t cases) {
    const Results results = samples::large(cases);
    const std::clock_t start = std::clock();
    EXPECT_GT(written(GetParam().name, results).size(), 10 * cases);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const double small = seconds_for(4'000);
  const double large = seconds_for(40'000);
  EXPECT_LT(large, 30 * small + 0.1);
}
INSTANTIATE_TEST_SUITE_P(Formats, Cost, ::testing::ValuesIn(formats().begin(), formats().end()),
                         [](const auto& format) { return std::string(format.param.name); });

}  // namespace
}  // namespace hypervet::reports
