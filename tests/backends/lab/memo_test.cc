// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/memo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "backends/lab/modules.h"
#include "backends/lab/prune.h"
#include "tests/backends/lab/kernel_builder.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class Memo : public ::testing::Test {
 protected:
  Answer ask(const std::string& question = "size") {
    return recall(scratch / "known", question, file, [&]() -> Answer {
      ++asked;
      return test::contents(file);
    });
  }

  test::Scratch scratch;
  fs::path file = scratch.write("file", std::string_view("one"));
  int asked = 0;
};

TEST_F(Memo, AsksOnce) {
  EXPECT_EQ(ask(), "one");
  EXPECT_EQ(ask(), "one");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(ask("another"), "one");
  EXPECT_EQ(asked, 2);
}

TEST_F(Memo, AChangedFileIsAskedAnew) {
  EXPECT_EQ(ask(), "one");
  const auto time = fs::last_write_time(file);
  scratch.write("file", std::string_view("two"));
  fs::last_write_time(file, time);  // same size, same time: the inode's change still tells
  EXPECT_EQ(ask(), "two");
}

TEST_F(Memo, ACutAnswerIsNone) {
  EXPECT_EQ(ask(), "one");
  ASSERT_EQ(test::entries(scratch / "known"), 1u);
  const auto kept = fs::directory_iterator(scratch / "known")->path();
  for (std::size_t size = fs::file_size(kept); size-- > 0;) {
    fs::resize_file(kept, size);
    EXPECT_EQ(ask(), "one");
    EXPECT_EQ(test::contents(kept), "one\n.\n");
  }
}

TEST_F(Memo, ErrorsAndNothingAreNotKept) {
  int asked_for_error = 0;
  for (int i = 0; i < 2; ++i) {
    const auto answer = recall(scratch / "known", "q", file, [&]() -> Answer {
      ++asked_for_error;
      return std::unexpected(std::string("no"));
    });
    EXPECT_EQ(answer.error(), "no");
    EXPECT_EQ(recall(scratch / "known", "e", file, [] { return Answer(""); }), "");
  }
  EXPECT_EQ(asked_for_error, 2);
  EXPECT_EQ(test::entries(scratch / "known"), 0u);
}

TEST_F(Memo, AFolderThatCannotBeWrittenIsNoError) {
  EXPECT_EQ(recall(file / "known", "q", file, [] { return Answer("x"); }), "x");
  EXPECT_EQ(recall({}, "q", file, [] { return Answer("x"); }), "x");
  EXPECT_EQ(recall(scratch / "known", "q", scratch / "none", [] { return Answer("x"); }), "x");
}

TEST_F(Memo, TheOrderOfModulesFollowsTheFiles) {
  const auto names = [&] {
    std::vector<std::string> all;
    const auto order =
        load_order(scratch / "lib", std::vector<WantedModule>{{"a"}}, scratch / "known");
    EXPECT_TRUE(order) << order.error();
    if (order)
      for (const auto& module : *order) all.push_back(module.name);
    return all;
  };
  scratch.write("lib/a.ko", test::module("b", "6.1.2"));
  scratch.write("lib/b.ko", test::module("", "6.1.2"));
  scratch.write("lib/c.ko", test::module("", "6.1.2"));
  EXPECT_THAT(names(), ElementsAre("b", "a"));
  EXPECT_EQ(test::entries(scratch / "known"), 2u);
  EXPECT_THAT(names(), ElementsAre("b", "a"));
  scratch.write("lib/a.ko", test::module("c,b", "6.1.2"));
  EXPECT_THAT(names(), ElementsAre("c", "b", "a"));
  scratch.write("lib/a.ko", std::string_view("no module"));
  EXPECT_FALSE(load_order(scratch / "lib", std::vector<WantedModule>{{"a"}}, scratch / "known"));
}

TEST_F(Memo, PruneKeepsTheNewestAndForgetsTheUnfinished) {
  const auto now = fs::file_time_type::clock::now();
  const auto add = [&](const std::string& name, int minutes) {
    fs::last_write_time(scratch.write("p/" + name, std::string_view("x")),
                        now - std::chrono::minutes(minutes));
  };
  add("old", 50);
  add("older", 70);
  add("oldest", 90);
  add("saved.123", 10);
  add("killed.124", 61);
  touch(scratch / "p/oldest");
  prune(scratch / "p", "", 2);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(scratch / "p"))
    left.push_back(entry.path().filename().string());
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("old", "oldest", "saved.123"));
  prune(scratch / "none", "", 2);
}

}  // namespace
}  // namespace hypervet::lab
