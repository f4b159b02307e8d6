// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/job.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace hypervet::lab {
namespace {

using Json = nlohmann::json;

std::string cbor(const Json& json) {
  const auto bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

std::string all_bytes() {
  std::string text;
  for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
  return text;
}

TEST(JobTest, ComesOutAsItWentIn) {
  const Job job{{"run", "", "a b", all_bytes()},
                {"NAME=" + all_bytes().substr(1)},
                {{"cases", "x\ny\n"}, {"payload", all_bytes() + all_bytes()}, {"empty", ""}}};
  const auto decoded = decode_job(encode(job));
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(*decoded, job);
  EXPECT_EQ(encode(job), encode(*decoded));
  EXPECT_EQ(decode_job(encode({})), Job{});
}

TEST(JobTest, FilesStayInTheirFolder) {
  for (const std::string name : {"", ".", "..", "../up", "/etc/passwd", "a/b", "sub/"}) {
    Job job;
    job.files[name] = "x";
    const auto decoded = decode_job(encode(job));
    ASSERT_FALSE(decoded) << name;
    EXPECT_EQ(decoded.error(), "the job has a file named '" + name + "'");
  }
  Job job;
  job.files[std::string("a\0b", 3)] = "x";
  EXPECT_FALSE(decode_job(encode(job)));
}

TEST(JobTest, WhatIsNoJob) {
  const Json binary = Json::binary({1, 2});
  EXPECT_EQ(decode_job("").error(), "the job is not CBOR");
  EXPECT_EQ(decode_job("run all\n").error(), "the job is not CBOR");
  EXPECT_EQ(decode_job(cbor(Json::array())).error(), "the job is not CBOR");
  EXPECT_EQ(decode_job(cbor(Json::object())).error(), "the job lacks its arguments");
  EXPECT_EQ(
      decode_job(cbor({{"arguments", {"text"}}, {"environment", Json::array()}, {"files", {}}}))
          .error(),
      "the job lacks its arguments");
  EXPECT_EQ(decode_job(cbor({{"arguments", Json::array({binary})}, {"environment", Json::array()}}))
                .error(),
            "the job lacks its files");
  EXPECT_EQ(decode_job(cbor({{"arguments", Json::array()},
                             {"environment", Json::array()},
                             {"files", {{"name", "text"}}}}))
                .error(),
            "a file of the job is not bytes");
}

TEST(JobTest, AListThatClaimsMoreThanMemoryHolds) {
  EXPECT_EQ(decode_job("\x9b\x74\x9f\x01\x74\x01\x9f\x16\x01").error(), "the job is not CBOR");
}

TEST(JobTest, NoPartOfAJobIsAJob) {
  const auto whole = encode({{"run", "--cases"}, {"A=b"}, {{"cases", "one\n"}}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_job(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(decode_job(whole + "x"));
}

}  // namespace
}  // namespace hypervet::lab
