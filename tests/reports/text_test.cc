// SPDX-License-Identifier: Apache-2.0
#include "reports/text.h"

#include <gtest/gtest.h>

namespace hypervet::reports {
namespace {

TEST(Text, OrdinaryTextIsLeftAlone) {
  const std::string text = "rax = 0x1, größer ✓ 漢字 \U0001F600\n\tnext";
  EXPECT_EQ(visible(text), text);
  EXPECT_EQ(visible(""), "");
}

TEST(Text, ControlCharactersAreSpelledOut) {
  EXPECT_EQ(visible(std::string("a\0b\x1b[31m\x07\x7f", 10)), "a\\x00b\\x1b[31m\\x07\\x7f");
  EXPECT_EQ(visible("C1 \xc2\x9b"), "C1 \\x9b")
      << "one character that some terminals take for ESC [";
  EXPECT_EQ(visible("a\r\nb\tc", Breaks::kSpell), "a\\r\\nb\\tc");
  EXPECT_EQ(visible("a\r\nb\tc", Breaks::kKeep), "a\\r\nb\tc");
  EXPECT_EQ(visible("\u202Eevil\u2066"), "\\u{202e}evil\\u{2066}");
  EXPECT_EQ(visible("\uFEFF\uFFFE"), "\\u{feff}\\u{fffe}");
}

TEST(Text, WhatIsNotUtf8BecomesReplacementCharacters) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(visible("\xff\xfe"), r + r);
  EXPECT_EQ(visible("\xc3("), r + "(");
  EXPECT_EQ(visible("\xc0\xaf"), r + r) << "overlong";
  EXPECT_EQ(visible("\xe0\x80\xaf"), r + r + r) << "overlong";
  EXPECT_EQ(visible("\xed\xa0\x80"), r + r + r) << "surrogate";
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), r + r + r + r) << "beyond U+10FFFF";
  EXPECT_EQ(visible("cut \xe2\x82"), "cut " + r + r);
}

TEST(Text, Durations) {
  EXPECT_EQ(human_duration(0), "0 ns");
  EXPECT_EQ(human_duration(999), "999 ns");
  EXPECT_EQ(human_duration(412'000), "412 µs");
  EXPECT_EQ(human_duration(999'700), "1 ms");
  EXPECT_EQ(human_duration(3'140'000), "3.14 ms");
  EXPECT_EQ(human_duration(2'000'120'000), "2.00 s");
  EXPECT_EQ(human_duration(247'000'000'000), "4 min 7 s");
  EXPECT_EQ(human_duration(7'260'000'000'000), "2 h 1 min");
}

TEST(Text, ShellLineQuotesWhatAShellWouldChange) {
  EXPECT_EQ(shell_line({"hypervet", "run", "kvm.*", "", "it's", "a b", "--seed=1"}),
            R"(hypervet run 'kvm.*' '' 'it'\''s' 'a b' --seed=1)");
}

TEST(Text, InstanceNameIsWhatFollowsTheClause) {
  Case c;
  c.clause = "kvm.a";
  c.id = "kvm.a/one[x=1]";
  EXPECT_EQ(instance_name(c), "one[x=1]");
  c.id = "something else";
  EXPECT_EQ(instance_name(c), "something else");
}

}  // namespace
}  // namespace hypervet::reports
