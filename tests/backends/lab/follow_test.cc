// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/follow.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

TEST(FollowTest, HandsOnWhatIsAdded) {
  const test::Scratch scratch;
  const auto path = scratch / "out";
  FollowedFile followed(path);
  std::string seen;
  const auto sink = [&](std::string_view bytes) { seen += bytes; };
  EXPECT_FALSE(followed.take(sink));  // not there yet
  std::ofstream file(path, std::ios::binary);
  EXPECT_FALSE(followed.take(sink));
  file << "one" << std::flush;
  EXPECT_TRUE(followed.take(sink));
  EXPECT_FALSE(followed.take(sink));
  file << std::string("\0two\n", 5) << std::flush;
  EXPECT_TRUE(followed.take(sink));
  EXPECT_EQ(seen, std::string("one\0two\n", 8));
  EXPECT_EQ(followed.bytes(), 8u);
}

TEST(FollowTest, AFastWriterKeepsNobody) {
  const test::Scratch scratch;
  const auto path = scratch / "out";
  const std::string piece(1 << 20, 'x');
  std::ofstream file(path, std::ios::binary);
  file << piece << std::flush;
  FollowedFile followed(path);
  // Each piece taken is answered by another one.
  EXPECT_TRUE(followed.take([&](std::string_view bytes) {
    file << bytes << std::flush;
    ASSERT_LT(followed.bytes(), std::uint64_t{1} << 30);
  }));
  EXPECT_LE(followed.bytes(), FollowedFile::kMostAtOnce + piece.size());
  EXPECT_TRUE(followed.take([](std::string_view) {}));
}

}  // namespace
}  // namespace hypervet::lab
