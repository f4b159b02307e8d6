// SPDX-License-Identifier: Apache-2.0
#include "harness/waive/load.h"

#include <gmock/gmock.h>

#include <map>

namespace hypervet::waive {
namespace {

using reports::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;

using Keys = std::map<std::string, std::string>;

// An entry that is in order but for what `changes` say; "" takes a key out.
std::string entry(const Keys& changes = {}) {
  Keys keys = {{"clauses", "[a.one]"},   {"target", "\"Linux *\""},  {"verdict", "fail"},
               {"reason", "because"},    {"issue", "https://a.b/1"}, {"owner", "me@example.org"},
               {"expires", "2027-06-30"}};
  for (const auto& [key, value] : changes) keys[key] = value;
  std::string text;
  for (const auto& [key, value] : keys) {
    if (!value.empty()) text += (text.empty() ? "  - " : "    ") + key + ": " + value + "\n";
  }
  return text;
}

std::string problems(const std::string& entries) {
  const auto waivers = load_text("waivers:\n" + entries, "w.yaml");
  return waivers ? "" : spec::to_string(waivers.error());
}

TEST(LoadTest, EveryKeyArrives) {
  const auto waivers = load_text("waivers:\n" + entry({{"verdict", "[hang, crash]"},
                                                       {"clauses", "[a.one, 'a.two/x[n=*]']"},
                                                       {"issue", "FINDINGS.md#x"}}),
                                 "w.yaml");
  ASSERT_TRUE(waivers) << spec::to_string(waivers.error());
  const auto& waiver = waivers->at(0);
  EXPECT_EQ(waiver.clauses.at(0).text, "a.one");
  EXPECT_EQ(waiver.clauses.at(1).text, "a.two/x[n=*]");
  EXPECT_THAT(waiver.verdicts, ElementsAre(Verdict::kHang, Verdict::kCrash));
  EXPECT_EQ(waiver.target, "Linux *");
  EXPECT_EQ(waiver.reason, "because");
  EXPECT_EQ(waiver.issue, "FINDINGS.md#x");
  EXPECT_EQ(waiver.owner, "me@example.org");
  EXPECT_EQ(to_string(waiver.expires), "2027-06-30");
}

TEST(LoadTest, AProblemShowsFileLineColumnTheLineAndACaret) {
  EXPECT_EQ(problems(entry({{"expires", "2027-02-30"}})),
            "w.yaml:3:14: expires is a day of the calendar, 2027-06-30, not '2027-02-30'\n"
            "    expires: 2027-02-30\n"
            "             ^");
}

struct Bad {
  Keys changes;
  std::string says;
};
class BadEntryTest : public testing::TestWithParam<Bad> {};

TEST_P(BadEntryTest, OneProblemWithItsOwnWords) {
  const auto found = load_text("waivers:\n" + entry(GetParam().changes), "w.yaml");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().size(), 1) << spec::to_string(found.error());
  EXPECT_THAT(found.error().front().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadEntryTest,
    testing::Values(Bad{{{"clauses", ""}}, "needs 'clauses:'"}, Bad{{{"target", ""}}, "'target:'"},
                    Bad{{{"verdict", ""}}, "'verdict:'"}, Bad{{{"reason", ""}}, "'reason:'"},
                    Bad{{{"issue", ""}}, "'issue:'"}, Bad{{{"owner", ""}}, "'owner:'"},
                    Bad{{{"expires", ""}}, "'expires:'"},
                    Bad{{{"expiry", "2027-06-30"}}, "unknown key 'expiry'"},
                    Bad{{{"clauses", "[]"}}, "clauses is an empty list"},
                    Bad{{{"verdict", "[]"}}, "verdict is an empty list"},
                    Bad{{{"clauses", "['']"}}, "is empty"},
                    Bad{{{"clauses", "[' a.one']"}}, "begins or ends with a blank"},
                    Bad{{{"clauses", "[A.one]"}}, "'A.one' matches no id: there is no 'A' in one"},
                    Bad{{{"clauses", "[a one]"}}, "there is no ' ' in one"},
                    Bad{{{"target", "\"Linux \""}}, "begins or ends with a blank"},
                    Bad{{{"verdict", "pass"}}, "verdict is fail, hang or crash, not 'pass'"},
                    Bad{{{"verdict", "error"}}, "not 'error'"},
                    Bad{{{"verdict", "[fail, fail]"}}, "names 'fail' twice"},
                    Bad{{{"issue", "later"}}, "issue is an address"},
                    Bad{{{"issue", "ftp://a.b"}}, "issue is an address"},
                    Bad{{{"issue", "../secret.md"}}, "issue is an address"},
                    Bad{{{"issue", "/etc/x.md"}}, "issue is an address"},
                    Bad{{{"issue", "https://"}}, "issue is an address"},
                    Bad{{{"expires", "2027-13-01"}}, "expires is a day"},
                    Bad{{{"expires", "30.6.2027"}}, "expires is a day"},
                    Bad{{{"expires", "2027-6-30"}}, "expires is a day"},
                    Bad{{{"expires", "never"}}, "expires is a day"},
                    Bad{{{"reason", "' '"}}, "reason is empty"}));

TEST(LoadTest, AllMistakesOfAFileAtOnce) {
  const auto text = problems(entry({{"issue", "x"}, {"owner", ""}}) + entry({{"expires", "x"}}));
  EXPECT_THAT(text, HasSubstr("issue is"));
  EXPECT_THAT(text, HasSubstr("needs 'owner:'"));
  EXPECT_THAT(text, HasSubstr("expires is"));
}

TEST(LoadTest, AFileThatIsNoListOfWaivers) {
  const auto message = [](const std::string& text) {
    const auto found = load_text(text, "w.yaml");
    return found ? "" : found.error().front().message;
  };
  EXPECT_EQ(message("waivers: []"), "waivers is a list, not an empty one");
  EXPECT_EQ(message("waivers: 3"), "waivers is a list, not a single value");
  EXPECT_THAT(message("[]"), HasSubstr("a waiver file is a map"));
  EXPECT_EQ(message(""), "the file is empty");
  EXPECT_THAT(message("waiver: []"), HasSubstr("unknown key 'waiver'"));
  EXPECT_FALSE(load(std::vector<std::filesystem::path>{"/nonexistent.yaml"}));
}

struct Pair {
  Keys first, second;
  std::string says;  // "": both are kept
};
class ShadowTest : public testing::TestWithParam<Pair> {};

TEST_P(ShadowTest, AnEntryThatDoesNothingIsRefused) {
  const auto& [first, second, says] = GetParam();
  const auto text = problems(entry(first) + entry(second));
  if (says.empty()) {
    EXPECT_EQ(text, "");
  } else {
    EXPECT_THAT(text, HasSubstr(says));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Entries, ShadowTest,
    testing::Values(
        Pair{{}, {}, "w.yaml:9:5: the waiver does nothing: w.yaml:2:5 says the same"},
        Pair{
            {{"clauses", "['a.*']"}}, {}, "w.yaml:9:5: the waiver does nothing: w.yaml:2:5 waives"},
        Pair{
            {}, {{"clauses", "['a.*']"}}, "w.yaml:2:5: the waiver does nothing: w.yaml:9:5 waives"},
        Pair{{{"clauses", "['a.?ne']"}}, {{"clauses", "['a.*ne']"}}, "w.yaml:2:5: "},
        Pair{{{"verdict", "[fail, hang]"}}, {}, "w.yaml:9:5: "},
        Pair{{{"target", "'*'"}}, {}, "w.yaml:9:5: "},
        // What follows overlaps and yet each does something.
        Pair{{{"clauses", "[a.one, a.two]"}}, {{"clauses", "[a.two, a.three]"}}, ""},
        Pair{{{"verdict", "hang"}}, {}, ""},
        Pair{{{"clauses", "['a.*']"}, {"expires", "2027-06-29"}}, {}, ""},
        Pair{
            {{"target", "'Linux 6.1*'"}}, {{"clauses", "['a.o*']"}, {"target", "'Linux 6.?'"}}, ""},
        Pair{{{"clauses", "['a.on?']"}}, {{"clauses", "['a.on*']"}, {"verdict", "hang"}}, ""}));

TEST(DayTest, OnlyDaysOfTheCalendar) {
  EXPECT_TRUE(parse_day("2028-02-29"));
  for (const char* bad : {"", "2027-02-29", "2027-00-01", "2027-01-00", "2027-1-1", "+027-01-01",
                          "2027-01-011", "2027/01/01"}) {
    EXPECT_FALSE(parse_day(bad)) << bad;
  }
  EXPECT_TRUE(today_utc().ok());
}

}  // namespace
}  // namespace hypervet::waive
