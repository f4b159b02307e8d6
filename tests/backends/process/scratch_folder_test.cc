// SPDX-License-Identifier: Apache-2.0
#include "backends/process/scratch_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "tests/backends/process/scratch.h"

namespace hypervet::process {
namespace {

namespace fs = std::filesystem;

class Scratches : public ::testing::Test {
 protected:
  void SetUp() override { setenv("TMPDIR", scratch.path().c_str(), 1); }
  void TearDown() override { unsetenv("TMPDIR"); }

  test::Scratch scratch;
};

TEST_F(Scratches, GoesWithItsOwner) {
  fs::path path;
  {
    auto folder = ScratchFolder::create();
    ASSERT_TRUE(folder) << folder.error();
    path = folder->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    std::ofstream(path / "file") << "x";
    const ScratchFolder moved = std::move(*folder);
    EXPECT_TRUE(fs::exists(path / "file"));
  }
  EXPECT_EQ(test::entries(scratch.path()), 0u);
}

TEST_F(Scratches, OneOfALivingOwnerStays) {
  const auto one = ScratchFolder::create();
  const auto two = ScratchFolder::create();
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(fs::exists(one->path()));
  EXPECT_NE(one->path(), two->path());
}

TEST_F(Scratches, OneOfAKilledOwnerGoesWithTheNext) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto folder = ScratchFolder::create();
    if (folder) std::ofstream(folder->path() / "file") << "x";
    ::kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  ASSERT_EQ(test::entries(scratch.path()), 1u);
  const auto abandoned = fs::directory_iterator(scratch.path())->path();
  EXPECT_TRUE(fs::exists(abandoned / "file"));
  // What only has such a name is left alone: files, and links, whatever they lead to.
  scratch.write("hypervet-scratch-file", std::string_view("x"));
  scratch.write("elsewhere/file", std::string_view("x"));
  fs::create_symlink(scratch / "elsewhere", scratch / "hypervet-scratch-link");
  const auto next = ScratchFolder::create();
  ASSERT_TRUE(next) << next.error();
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(fs::exists(scratch / "hypervet-scratch-file"));
  EXPECT_TRUE(fs::exists(scratch / "elsewhere/file"));
}

TEST_F(Scratches, NoPlaceIsALine) {
  setenv("TMPDIR", (scratch / "none").c_str(), 1);
  const auto folder = ScratchFolder::create();
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().starts_with("no temporary folder")) << folder.error();
}

}  // namespace
}  // namespace hypervet::process
