// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "reports/stream/reader.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using ::testing::HasSubstr;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    std::string pattern = ::testing::TempDir() + "stream-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~WriterTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string folder_;
};

TEST_F(WriterTest, WhatIsWrittenIsReadBack) {
  const Results results = samples::mixed();
  auto writer = StreamWriter::create(path("a.jsonl"));
  ASSERT_TRUE(writer) << writer.error();
  for (const Record& record : samples::records(results)) ASSERT_TRUE(writer->write(record));
  ASSERT_TRUE(writer->close());
  ASSERT_TRUE(writer->close()) << "a second close is harmless";

  auto read = read_results_file(path("a.jsonl"));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->results.run, results.run);
  EXPECT_EQ(read->results.interfaces, results.interfaces);
  EXPECT_EQ(read->results.cases, results.cases);
  EXPECT_EQ(read->results.paths, results.paths);
  EXPECT_FALSE(results.paths.empty());
  EXPECT_EQ(read->results.logs, results.logs);
  EXPECT_FALSE(results.logs.empty());
  EXPECT_EQ(read->results.summary, results.summary);
  EXPECT_TRUE(read->results.complete());
}

TEST_F(WriterTest, EachRecordIsInTheFileBeforeWriteReturns) {
  auto writer = StreamWriter::create(path("a.jsonl"));
  ASSERT_TRUE(writer);
  std::string expected;
  for (const Record& record : samples::records(samples::mixed())) {
    ASSERT_TRUE(writer->write(record));
    expected += to_json_line(record) + '\n';
    ASSERT_EQ(content(path("a.jsonl")), expected);
  }
}

TEST_F(WriterTest, GuestBytesBecomeValidUtf8AndOneLine) {
  Case c;
  c.id = "a/b";
  c.detail = std::string("nul \0 esc \x1b bell \x07 bad \xff\xc3( line\nend", 36);
  c.parameters["k\xfe"] = "v\xed\xa0\x80";
  const std::string line = to_json_line(c);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  const auto json = nlohmann::json::parse(line);  // throws on invalid UTF-8
  EXPECT_THAT(json["detail"].get<std::string>(), HasSubstr("bad \xEF\xBF\xBD\xEF\xBF\xBD( line\n"));
  EXPECT_TRUE(json["parameters"].contains("k\xEF\xBF\xBD"));
}

TEST_F(WriterTest, EndlessGuestOutputIsClippedAndSaysSo) {
  Case c;
  c.detail.assign(kMaxString + 12345, 'x');
  const auto json = nlohmann::json::parse(to_json_line(c));
  const std::string detail = json["detail"];
  EXPECT_LT(detail.size(), kMaxString + 100);
  EXPECT_TRUE(detail.ends_with("[12345 more bytes left out]"));
}

TEST_F(WriterTest, OfALongLogHeadAndTailAreKept) {
  std::string text = "first line\n";
  while (text.size() < 2 * kMaxString) text += "line of the middle\n";
  text += "Kernel panic - not syncing";
  const auto clipped = nlohmann::json::parse(to_json_line(Log{"kernel", text}));
  const std::string kept = clipped["text"];
  EXPECT_LE(kept.size(), kMaxString);
  EXPECT_GT(kept.size(), kMaxString - 200);
  EXPECT_TRUE(kept.starts_with("first line\nline of the middle\n"));
  EXPECT_TRUE(kept.ends_with("\nline of the middle\nKernel panic - not syncing"));
  const std::size_t note = kept.find("\n[... ");
  ASSERT_NE(note, kept.npos);
  const std::size_t after = kept.find('\n', note + 1);
  const std::string words = kept.substr(note + 1, after - note);
  EXPECT_EQ(words, "[... " + std::to_string(text.size() - kept.size() + words.size()) +
                       " bytes left out ...]\n")
      << "what is told to be missing is what is missing";
  EXPECT_EQ(nlohmann::json::parse(to_json_line(Log{"kernel", kept}))["text"], kept)
      << "a second writing leaves nothing more out";
}

TEST_F(WriterTest, LogWithoutLinesIsClippedAnywhere) {
  const std::string text(3 * kMaxString, 'x');
  const std::string kept = nlohmann::json::parse(to_json_line(Log{"console", text}))["text"];
  EXPECT_LE(kept.size(), kMaxString);
  EXPECT_THAT(kept, HasSubstr("x\n[... "));
  EXPECT_THAT(kept, HasSubstr(" bytes left out ...]\nx"));
}

TEST_F(WriterTest, LogMayHoldAnyBytes) {
  const std::string line = to_json_line(Log{"serial", std::string("a\0b\xff\x1b[31m\n", 10)});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["text"].get<std::string>(),
            std::string("a\0b\xEF\xBF\xBD\x1b[31m\n", 12));
}

TEST_F(WriterTest, SamplesOfAPathKeepEveryDigit) {
  Path path;
  path.id = "kvm.path.x";
  path.launches = {{0.1, 1.0 / 3, 1e-300, 123456789012345678.0}, {}, {-0.5}};
  const auto json = nlohmann::json::parse(to_json_line(path));
  EXPECT_EQ(json["launches"].get<std::vector<std::vector<double>>>(), path.launches);
}

TEST_F(WriterTest, UnknownRecordKeepsItsText) {
  const OtherRecord other{
      "rumour", R"({"type":"rumour","median":1.10,"big":123456789012345678901234567890})"};
  EXPECT_EQ(to_json_line(other), other.text);
}

TEST_F(WriterTest, FullDiskIsAnErrorWithPathAndReason) {
  auto writer = StreamWriter::create("/dev/full");
  ASSERT_TRUE(writer);
  const auto status = writer->write(samples::mixed().run);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), "/dev/full: cannot write: No space left on device");
  EXPECT_EQ(writer->write(samples::mixed().run).error(), status.error()) << "the error stays";
  EXPECT_FALSE(writer->close());
}

TEST_F(WriterTest, ClosedPipeIsAnErrorAndDoesNotKill) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto writer = StreamWriter::adopt(ends[1], "results pipe");
  ::close(ends[0]);
  const auto status = writer.write(samples::mixed().run);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), "results pipe: cannot write: Broken pipe");
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0) << "no SIGPIPE is left behind";
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0) << "the signal mask is as before";
}

TEST_F(WriterTest, SlowNonBlockingPipeLosesNothing) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  ::fcntl(ends[0], F_SETFL, 0);
  Case c;
  c.detail.assign(300000, 'x');  // more than a pipe holds
  std::string received;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) received.append(buffer, n);
  });
  auto writer = StreamWriter::adopt(ends[1], "pipe");
  EXPECT_TRUE(writer.write(c));
  EXPECT_TRUE(writer.close());
  reader.join();
  ::close(ends[0]);
  EXPECT_EQ(received, to_json_line(c) + '\n');
}

TEST_F(WriterTest, PathThatCannotBeCreatedIsNamed) {
  const auto writer = StreamWriter::create(path("missing/a.jsonl"));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error(), path("missing/a.jsonl") + ": cannot create: No such file or directory");
}

TEST_F(WriterTest, ThreadsDoNotInterleaveLines) {
  auto writer = StreamWriter::create(path("a.jsonl"));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->write(samples::mixed().run));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Case c = samples::mixed().cases.front();
      for (int i = 0; i < 200; ++i) {
        c.id = "case " + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(writer->write(c));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(writer->close());
  auto read = read_results_file(path("a.jsonl"));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->results.cases.size(), 800u);
}

// A run is interrupted at each of many points, then continued from its stream: the result is the
// same stream.
TEST_F(WriterTest, ResumedStreamEqualsAnUninterruptedOne) {
  const Results results = samples::mixed();
  const std::string whole = samples::stream(results);
  const std::size_t run_line = whole.find('\n');
  for (std::size_t cut = run_line; cut < whole.size(); cut += 97) {
    const std::string file = path("cut.jsonl");
    std::ofstream(file, std::ios::binary) << whole.substr(0, cut);
    auto read = read_results_file(file);
    ASSERT_TRUE(read) << cut << ": " << to_string(read.error());
    const std::size_t done = 1 + read->results.interfaces.size() + read->results.cases.size() +
                             read->results.paths.size() + read->results.logs.size();
    auto writer = StreamWriter::resume(file, read->resume_offset);
    ASSERT_TRUE(writer) << writer.error();
    const auto all = samples::records(results);
    for (std::size_t i = done; i < all.size(); ++i) ASSERT_TRUE(writer->write(all[i]));
    ASSERT_TRUE(writer->close());
    ASSERT_EQ(content(file), whole) << "cut at byte " << cut;
  }
}

TEST_F(WriterTest, ResumeChecksWhatItGets) {
  std::ofstream(path("short.jsonl")) << "{}\n";
  const auto beyond = StreamWriter::resume(path("short.jsonl"), 4);
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error(), HasSubstr("cannot continue at byte 4: the file has only 3"));
  EXPECT_EQ(content(path("short.jsonl")), "{}\n");
  EXPECT_FALSE(StreamWriter::resume(path("absent.jsonl"), 0));
  EXPECT_FALSE(StreamWriter::resume("/dev/full", 0));
}

}  // namespace
}  // namespace hypervet::reports
