// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <sstream>

#include "reports/stream/writer.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kRun =
    R"({"type":"run","format":1,"hypervet":"0.1.0","started":"2025-03-01T09:15:00Z","backend":"sim",)"
    R"("target":"t","provider":"p","planned":2})"
    "\n";
constexpr const char* kCase =
    R"({"type":"case","id":"a.b/c","clause":"a.b","interface":"a","level":"must","verdict":"pass"})"
    "\n";
constexpr const char* kSummary =
    R"({"type":"summary","counts":{"pass":1},"planned":2,"executed":1,"conformant":true,"exit_status":0})"
    "\n";

std::expected<ReadResults, StreamError> read(const std::string& text,
                                             OnBadLine mode = OnBadLine::kStop) {
  std::istringstream in(text);
  return read_results(in, "r.jsonl", mode);
}

std::string flaw_of(const std::string& text) {
  const auto result = read(text);
  return result ? "no flaw" : to_string(result.error());
}

TEST(Reader, MinimalStream) {
  const auto result = read(std::string(kRun) + kCase + kSummary);
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->results.run.target, "t");
  EXPECT_EQ(result->results.run.jobs, 1u);
  ASSERT_EQ(result->results.cases.size(), 1u);
  EXPECT_EQ(result->results.cases[0].verdict, Verdict::kPass);
  EXPECT_TRUE(result->results.complete());
  EXPECT_EQ(result->resume_offset, std::string(kRun).size() + std::string(kCase).size());
}

TEST(Reader, BlankLinesCrLfAndMissingLastBreakAreFine) {
  std::string text = std::string(kRun) + "\n" + kCase;
  text.back() = '\r';
  const auto result = read(text);
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->results.cases.size(), 1u);
  EXPECT_FALSE(result->results.truncated);
  EXPECT_FALSE(result->results.complete()) << "there is no summary";
}

TEST(Reader, UnknownRecordTypesAndKeysAreKept) {
  const std::string rumour = R"({"type":"rumour","id":"kvm.hypercall.null","median_ns":412.5})";
  const auto result = read(std::string(kRun) + rumour + "\n" + kCase);
  ASSERT_TRUE(result) << to_string(result.error());
  ASSERT_EQ(result->results.others.size(), 1u);
  EXPECT_EQ(result->results.others[0], (OtherRecord{"rumour", rumour}));
  EXPECT_TRUE(read(std::string(kRun) + R"({"type":"summary","new":[1],"counts":{},"planned":1,)" +
                   R"("executed":0,"conformant":false,"exit_status":130})"));
}

TEST(Reader, PathRecords) {
  const std::string path =
      R"({"type":"path","id":"a.p","interface":"a","unit":"ns","samples":2,"min":1,"median":1.5,)"
      R"("p99":2,"dividend":{"value":3,"low":2.5,"high":3.5},"launches":[[1,2e0],[]],"new":{}})"
      "\n";
  const std::string skipped =
      R"({"type":"path","id":"a.q","interface":"a","reason":"no such hook"})"
      "\n";
  const auto result = read(std::string(kRun) + path + kCase + skipped + kSummary);
  ASSERT_TRUE(result) << to_string(result.error());
  ASSERT_EQ(result->results.paths.size(), 2u);
  const Path& first = result->results.paths[0];
  EXPECT_TRUE(first.measured());
  EXPECT_EQ(first.median, 1.5);
  EXPECT_EQ(first.dividend, (Dividend{3, 2.5, 3.5}));
  EXPECT_EQ(first.launches, (std::vector<std::vector<double>>{{1, 2}, {}}));
  EXPECT_FALSE(result->results.paths[1].measured());
  EXPECT_EQ(result->results.paths[1].reason, "no such hook");
  EXPECT_EQ(flaw_of(std::string(kRun) + path + kCase + path),
            "r.jsonl:4:1: path \"a.p\" appears a second time");
  EXPECT_EQ(flaw_of(std::string(kRun) + kSummary + path),
            "r.jsonl:3:1: a record after the summary, which must be the last one");
  EXPECT_EQ(flaw_of(path), "r.jsonl:1:1: the first record must be the run record");
}

TEST(Reader, NewerFormatNamesBothVersions) {
  EXPECT_EQ(flaw_of(R"({"type":"run","format":7,"hypervet":"9.0"})"
                    "\n"),
            "r.jsonl:1:1: the stream has format 7 (written by hypervet 9.0), this hypervet reads "
            "formats up to 1");
  const auto kept = read("{\"type\":\"run\",\"format\":2}\nrubbish\n", OnBadLine::kKeep);
  ASSERT_FALSE(kept) << "no mode reads a format that it does not know";
  EXPECT_THAT(kept.error().message, HasSubstr("format 2"));
}

TEST(Reader, FilesThatAreNoStream) {
  EXPECT_EQ(flaw_of(""), "r.jsonl: no records: the file is empty");
  EXPECT_EQ(flaw_of("\n\n"), "r.jsonl: no records: the file is empty");
  EXPECT_THAT(flaw_of("hello"), StartsWith("r.jsonl:1:1: not JSON: "));
  EXPECT_THAT(flaw_of(std::string("\x7f") + "ELF\x02\x01\n\0\0"),
              StartsWith("r.jsonl:1:1: not JSON: "));
  EXPECT_EQ(flaw_of("[1]\n"), "r.jsonl:1:1: a record must be an object, not array");
  EXPECT_EQ(flaw_of("{}\n"), "r.jsonl:1:1: the record lacks \"type\"");
  EXPECT_EQ(flaw_of("{\"type\":3}\n"), "r.jsonl:1:2: \"type\" of the record must be a string");
  EXPECT_EQ(flaw_of(kCase), "r.jsonl:1:1: the first record must be the run record");
  EXPECT_EQ(flaw_of("{\"type\":\"run\",\"form"),
            "r.jsonl: the stream was cut before its run record was whole");
}

TEST(Reader, FilesThatCannotBeRead) {
  EXPECT_EQ(to_string(read_results_file("/nonexistent/r.jsonl").error()),
            "/nonexistent/r.jsonl: cannot open: No such file or directory");
  EXPECT_EQ(to_string(read_results_file("/").error()), "/: cannot open: Is a directory");
  EXPECT_THAT(to_string(read_results_file("/proc/self/mem").error()), HasSubstr("cannot read on"));
}

struct BadLine {
  const char* line;
  const char* flaw;
};

class ReaderBadLine : public ::testing::TestWithParam<BadLine> {};

TEST_P(ReaderBadLine, OneClearLineAndTheRestCanBeKept) {
  const auto& [line, flaw] = GetParam();
  const std::string text = std::string(kRun) + line + "\n" + kCase + kSummary;
  EXPECT_EQ(flaw_of(text), std::string("r.jsonl:2:") + flaw);
  const auto kept = read(text, OnBadLine::kKeep);
  ASSERT_TRUE(kept) << to_string(kept.error());
  ASSERT_EQ(kept->flaws.size(), 1u);
  EXPECT_EQ(to_string(kept->flaws[0]), std::string("r.jsonl:2:") + flaw);
  EXPECT_EQ(kept->results.cases.size(), 1u);
  EXPECT_TRUE(kept->results.summary);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReaderBadLine,
    ::testing::Values(
        BadLine{"{\"type\":\"case\",}",
                "16: not JSON: syntax error while parsing object key - unexpected '}'; expected "
                "string literal"},
        BadLine{"{\"type\":\"ca",
                "12: not JSON: syntax error while parsing value - invalid string: missing closing "
                "quote; last "
                "read: '\"ca'"},
        BadLine{"null", "1: a record must be an object, not null"},
        BadLine{R"({"type":"case","id":"x","clause":"y","interface":"a","level":"must"})",
                "1: case record lacks \"verdict\""},
        BadLine{R"({"type":"path","id":"x"})", "1: path record lacks \"interface\""},
        BadLine{R"({"type":"path","id":"x","interface":"a","samples":1,"min":0})",
                "1: path record lacks \"unit\""},
        BadLine{
            R"({"type":"path","id":"x","interface":"a","unit":"ns","samples":0,"min":0,"median":0,"p99":0})",
            "53: \"samples\" of path record is 0 although there is no \"reason\""},
        BadLine{R"({"type":"path","id":"x","interface":"a","min":null})",
                "41: \"min\" of path record must be a finite number"},
        BadLine{R"({"type":"path","id":"x","interface":"a","median":1e999})",
                "50: not JSON: number overflow parsing '1e999'"},
        BadLine{R"({"type":"path","id":"x","interface":"a","median":NaN})",
                "50: not JSON: syntax error while parsing value - invalid literal; last read: "
                "'\"median\":N'"},
        BadLine{R"({"type":"path","id":"x","interface":"a","launches":[[1,null]]})",
                "41: \"launches\" of path record must be an array of arrays of finite numbers"},
        BadLine{R"({"type":"path","id":"x","interface":"a","launches":[1]})",
                "41: \"launches\" of path record must be an array of arrays of numbers"},
        BadLine{R"({"type":"path","id":"x","interface":"a","dividend":{"value":1,"low":"1"}})",
                "63: \"low\" of \"dividend\" of path record must be a finite number"},
        BadLine{R"({"type":"case","clause":"y"})", "1: case record lacks \"id\""},
        BadLine{R"({"type":"case","id":7})", "16: \"id\" of case record must be a string"},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"must","verdict":"passed"})",
            "69: \"verdict\" of case record has the unknown value \"passed\""},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"MUST","verdict":"pass"})",
            "54: \"level\" of case record has the unknown value \"MUST\""},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","marks":["odd"]})",
            "85: \"marks\" of case record has the unknown value \"odd\""},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","marks":[1]})",
            "85: \"marks\" of case record must be an array of strings"},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","seed":-1})",
            "85: \"seed\" of case record must be a whole number that is not negative"},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","seed":1.5})",
            "85: \"seed\" of case record must be a whole number that is not negative"},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","parameters":{"n":1}})",
            "85: \"parameters\" of case record must be an object of strings"},
        BadLine{
            R"({"type":"case","id":"x","clause":"y","interface":"a","level":"may","verdict":"pass","detail":[]})",
            "85: \"detail\" of case record must be a string"},
        BadLine{R"({"type":"interface","id":"x"})", "1: interface record lacks \"clauses\""},
        BadLine{R"({"type":"interface","id":"x","clauses":[{"id":"y"}]})",
                "1: a clause of an interface record lacks \"level\""},
        BadLine{R"({"type":"interface","id":"x","clauses":["y"]})",
                "1: a clause of an interface record must be an object"},
        BadLine{R"({"type":"log","name":"x"})", "1: log record lacks \"text\""},
        BadLine{R"({"type":"log","name":"x","text":1})",
                "26: \"text\" of log record must be a string"},
        BadLine{R"({"type":"summary","counts":{"pass":"1"}})",
                "29: \"pass\" of \"counts\" of summary record must be a whole number that is not "
                "negative"},
        BadLine{R"({"type":"summary","counts":{},"planned":1,"executed":1,"conformant":"yes"})",
                "56: \"conformant\" of summary record must be true or false"},
        BadLine{
            R"({"type":"summary","counts":{},"planned":1,"executed":1,"conformant":true,"exit_status":99999999999})",
            "74: \"exit_status\" of summary record must be a small whole number"},
        BadLine{
            R"({"type":"run","format":1,"hypervet":"0.1.0","started":"","backend":"","target":"","provider":"","planned":0})",
            "1: a second run record"},
        BadLine{R"({"type":"x","n":1e999})", "17: not JSON: number overflow parsing '1e999'"}));

TEST(Reader, LogsStandAnywhereBeforeTheSummary) {
  const std::string log = R"({"type":"log","name":"kernel log","text":"a\nb"})"
                          "\n";
  const auto result = read(kRun + log + kCase + log + kSummary);
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->results.logs,
            (std::vector<Log>{{"kernel log", "a\nb"}, {"kernel log", "a\nb"}}));
  EXPECT_EQ(result->results.cases.size(), 1u);
  EXPECT_EQ(flaw_of(log + kRun), "r.jsonl:1:1: the first record must be the run record");
  EXPECT_EQ(flaw_of(kRun + std::string(kSummary) + log),
            "r.jsonl:3:1: a record after the summary, which must be the last one");
}

TEST(Reader, SameCaseTwice) {
  EXPECT_EQ(flaw_of(std::string(kRun) + kCase + kCase),
            "r.jsonl:3:1: case \"a.b/c\" appears a second time");
}

TEST(Reader, NothingMayFollowTheSummary) {
  EXPECT_EQ(flaw_of(std::string(kRun) + kSummary + kCase),
            "r.jsonl:3:1: a record after the summary, which must be the last one");
}

TEST(Reader, NestingIsBounded) {
  const std::string deep = "{\"type\":\"x\",\"v\":" + std::string(100000, '[') + "\n";
  EXPECT_EQ(flaw_of(kRun + deep), "r.jsonl:2:1: nested deeper than 64 levels");
}

TEST(Reader, InvalidUtf8InTheFileIsAFlawNotACrash) {
  EXPECT_THAT(flaw_of(std::string(kRun) + "{\"type\":\"x\",\"v\":\"\xff\"}\n"),
              HasSubstr("r.jsonl:2:18: not JSON: "));
}

TEST(Reader, TailOfAnInterruptedWriteIsCutNotReported) {
  const std::string zeros(512, '\0');  // what some file systems leave after a power loss
  for (const std::string& tail :
       {std::string("{\"type\":\"ca"), zeros, std::string("{\"type\":\"case\"} x")}) {
    const auto result = read(std::string(kRun) + kCase + tail);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_TRUE(result->results.truncated);
    EXPECT_EQ(result->results.cases.size(), 1u);
  }
}

TEST(Reader, EveryPrefixOfAStreamIsRead) {
  Results small = samples::mixed();
  small.interfaces.resize(1);
  small.cases.resize(5);
  samples::summarize(small);
  const std::string whole = samples::stream(small);
  const std::size_t run_end = whole.find('\n');
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto result = read(whole.substr(0, size));
    if (size < run_end) {
      ASSERT_FALSE(result) << size;
      continue;
    }
    ASSERT_TRUE(result) << size << ": " << to_string(result.error());
    const std::string kept = samples::stream(result->results);
    ASSERT_EQ(kept.substr(0, kept.size() - 1), whole.substr(0, kept.size() - 1)) << size;
    // Nothing whole was lost, and what was cut is told.
    const bool at_line_end =
        whole[size - 1] == '\n' || (size < whole.size() && whole[size] == '\n');
    ASSERT_EQ(result->results.truncated, !at_line_end) << size;
  }
}

TEST(Reader, HostileStringsSurviveTheRoundTrip) {
  const Results hostile = samples::hostile();
  const auto once = read(samples::stream(hostile));
  ASSERT_TRUE(once) << to_string(once.error());
  ASSERT_EQ(once->results.cases.size(), hostile.cases.size());
  EXPECT_THAT(once->results.cases[0].detail, HasSubstr("</script>"));
  const auto twice = read(samples::stream(once->results));
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->results.cases, once->results.cases);
}

// 100,000 cases take time in proportion: ten times the cases, less than thirty times the processor
// time.
TEST(Reader, CostIsLinear) {
  const auto seconds_for = [](std::size_t cases) {
    const std::string text = samples::stream(samples::large(cases));
    const std::clock_t start = std::clock();
    const auto result = read(text);
    EXPECT_TRUE(result);
    EXPECT_EQ(result->results.cases.size(), cases);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const double small = seconds_for(10'000);
  const double large = seconds_for(100'000);
  RecordProperty("seconds_10k", std::to_string(small));
  RecordProperty("seconds_100k", std::to_string(large));
  EXPECT_LT(large, 30 * small + 0.1);
}

}  // namespace
}  // namespace hypervet::reports
