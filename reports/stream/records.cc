// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/records.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <ranges>
#include <utility>

namespace hypervet::reports {
namespace {

template <typename Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Words<Verdict, kVerdictCount> kVerdictWords = {{{Verdict::kPass, "pass"},
                                                          {Verdict::kFail, "fail"},
                                                          {Verdict::kHang, "hang"},
                                                          {Verdict::kCrash, "crash"},
                                                          {Verdict::kSkip, "skip"},
                                                          {Verdict::kError, "error"}}};
constexpr Words<Mark, 3> kMarkWords = {{{Mark::kWaived, "waived"},
                                        {Mark::kUnexpectedPass, "unexpected-pass"},
                                        {Mark::kFlaky, "flaky"}}};
constexpr Words<Level, 3> kLevelWords = {
    {{Level::kMust, "must"}, {Level::kShould, "should"}, {Level::kMay, "may"}}};

template <typename Enum, std::size_t N>
std::string_view word_of(const Words<Enum, N>& words, Enum value) {
  for (const auto& [known, word] : words) {
    if (known == value) return word;
  }
  return "?";
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const Words<Enum, N>& words, std::string_view word) {
  for (const auto& [value, known] : words) {
    if (known == word) return value;
  }
  return std::nullopt;
}

int severity(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCrash:
      return 5;
    case Verdict::kHang:
      return 4;
    case Verdict::kFail:
      return 3;
    case Verdict::kError:
      return 2;
    case Verdict::kPass:
      return 1;
    case Verdict::kSkip:
      return 0;
  }
  return 0;
}

}  // namespace

std::string_view name(Verdict verdict) { return word_of(kVerdictWords, verdict); }
std::string_view name(Mark mark) { return word_of(kMarkWords, mark); }
std::string_view name(Level level) { return word_of(kLevelWords, level); }
std::optional<Verdict> parse_verdict(std::string_view word) {
  return value_of(kVerdictWords, word);
}
std::optional<Mark> parse_mark(std::string_view word) { return value_of(kMarkWords, word); }
std::optional<Level> parse_level(std::string_view word) { return value_of(kLevelWords, word); }

bool is_failure(Verdict verdict) {
  return verdict == Verdict::kFail || verdict == Verdict::kHang || verdict == Verdict::kCrash;
}

bool is_judgement(Verdict verdict) { return verdict == Verdict::kPass || is_failure(verdict); }

Verdict worse(Verdict a, Verdict b) { return severity(a) >= severity(b) ? a : b; }

bool is_reference_model(std::string_view provider) {
  constexpr std::string_view kWords = "reference model";
  const auto same_letter = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  };
  return !std::ranges::search(provider, kWords, same_letter).empty();
}

std::uint64_t Counts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::uint64_t Counts::failures() const {
  return (*this)[Verdict::kFail] + (*this)[Verdict::kHang] + (*this)[Verdict::kCrash];
}

bool Case::has(Mark mark) const { return std::ranges::find(marks, mark) != marks.end(); }

Counts count(const std::vector<Case>& cases) {
  Counts counts;
  for (const Case& c : cases) ++counts[c.verdict];
  return counts;
}

std::uint64_t count(const std::vector<Case>& cases, Mark mark) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(cases, [mark](const Case& c) { return c.has(mark); }));
}

std::uint64_t unwaived_failures(const std::vector<Case>& cases) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      cases, [](const Case& c) { return is_failure(c.verdict) && !c.has(Mark::kWaived); }));
}

}  // namespace hypervet::reports
