// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/diagnostic.h"

#include <gtest/gtest.h>

#include <memory>

namespace hypervet::yaml {
namespace {

Mark at(std::string text, unsigned line, unsigned column) {
  return {std::make_shared<const SourceFile>("a.yaml", std::move(text)), line, column};
}

TEST(Diagnostic, ShowsTheLineAndACaret) {
  EXPECT_EQ(to_string(diagnose(at("one\n  two: three\n", 2, 8), "not so")),
            "a.yaml:2:8: not so\n  two: three\n       ^");
}

TEST(Diagnostic, NamesTheFileAloneWithoutALine) {
  EXPECT_EQ(to_string(diagnose(at("one\n", 0, 0), "is empty")), "a.yaml: is empty");
}

TEST(Diagnostic, TheCaretCountsCharactersNotBytes) {
  EXPECT_EQ(to_string(diagnose(at("größe: x\n", 1, 10), "no")),
            "a.yaml:1:10: no\ngröße: x\n       ^");
}

TEST(Diagnostic, TabsAndControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(to_string(diagnose(at("a\tb\x1b[31m\r\n", 1, 3), "no")),
            "a.yaml:1:3: no\na b?[31m\n  ^");
  EXPECT_EQ(quote("x\x1b[2Jy\nz"), "'x?[2Jy?z'");
  EXPECT_EQ(to_string(diagnose(at("a\n", 0, 0), "two\nlines")), "a.yaml: two?lines");
}

TEST(Diagnostic, TheSecondRangeOfControlsIsHiddenAndNoLetter) {
  EXPECT_EQ(to_string(diagnose(at("\xc2\x9bJ\xc2\xa0é!\n", 1, 8), "no")),
            "a.yaml:1:8: no\n?J\xc2\xa0é!\n    ^");
  EXPECT_EQ(quote("\xc2\x80x\xc2\x9f"), "'?x?'");
  EXPECT_EQ(quote("\xc2"), "'\xc2'");
}

TEST(Diagnostic, ALongLineIsCutAroundTheColumn) {
  const Diagnostic found =
      diagnose(at(std::string(1000, 'a') + "!" + std::string(1000, 'b'), 1, 1001), "here");
  EXPECT_EQ(found.line_text, "..." + std::string(70, 'a') + "!" + std::string(69, 'b') + "...");
  EXPECT_EQ(found.caret, 73u);
}

TEST(Diagnostic, ACutDoesNotSplitACharacter) {
  std::string line;
  for (int i = 0; i < 200; ++i) line += "ä";
  const Diagnostic found = diagnose(at(line, 1, 202), "here");
  EXPECT_EQ(found.line_text.substr(3, 2), "ä");
  EXPECT_EQ(found.line_text.substr(found.line_text.size() - 5, 2), "ä");
}

TEST(Diagnostic, AColumnBehindTheLineIsItsEnd) {
  EXPECT_EQ(to_string(diagnose(at("ab\n", 1, 99), "no")), "a.yaml:1:99: no\nab\n  ^");
}

TEST(Problems, BehindTheLimitOnlyTheNumberIsKept) {
  Problems problems;
  const Mark mark = at("x\n", 1, 1);
  for (std::size_t i = 0; i < Problems::kLimit + 7; ++i) problems.add(mark, "p");
  EXPECT_EQ(problems.count(), Problems::kLimit + 7);
  const Diagnostics all = problems.take();
  ASSERT_EQ(all.size(), Problems::kLimit + 1);
  EXPECT_EQ(to_string(all.back()), "a.yaml: 7 further problems are not shown");
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace hypervet::yaml
