// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/debian_version.h"

#include <gtest/gtest.h>

#include <string>

#include "backends/process/child.h"

namespace hypervet::lab {
namespace {

int sign(int number) { return number < 0 ? -1 : number > 0; }

TEST(DebianVersion, Order) {
  // Each is older than the next.
  const char* sorted[] = {"0~~",         "0~",       "0",         "0.1~rc1-1",   "0.1-1~bpo1",
                          "0.1-1",       "0.1-1+b1", "0.1a",      "0.1+x",       "0.02",
                          "0.9",         "0.10",     "6.12.99-1", "6.12.117-1~", "6.12.117-1",
                          "6.12.117-10", "1:0.1",    "1:0.1-1",   "10:0"};
  for (std::size_t i = 0; i < std::size(sorted); ++i) {
    for (std::size_t j = 0; j < std::size(sorted); ++j) {
      EXPECT_EQ(sign(compare_versions(sorted[i], sorted[j])), i < j ? -1 : i > j)
          << sorted[i] << " " << sorted[j];
    }
  }
  EXPECT_EQ(compare_versions("1.0", "0:1.00"), 0);
  EXPECT_EQ(compare_versions("1.0-0", "1.0"), 0);
}

// Every pair of some versions, as dpkg itself compares them.
TEST(DebianVersion, AgreesWithDpkg) {
  if (!process::run({.argv = {"dpkg", "--version"}})) GTEST_SKIP() << "there is no dpkg";
  const char* texts[] = {"1.2~rc1-1", "1.2-1+b2", "1.2+dfsg-1", "1:1.0", "1.2", "1.2.0-0", "1.2a~"};
  std::string script;
  std::string expected;
  for (const std::string a : texts) {
    for (const std::string b : texts) {
      script += "dpkg --compare-versions '" + a + "' lt '" + b + "' && echo 1 || echo 0\n";
      expected += compare_versions(a, b) < 0 ? "1\n" : "0\n";
    }
  }
  const auto output = process::run({.argv = {"sh", "-c", script}});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out, expected);
}

}  // namespace
}  // namespace hypervet::lab
