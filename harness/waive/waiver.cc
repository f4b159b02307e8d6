// SPDX-License-Identifier: Apache-2.0
#include "harness/waive/waiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/run/select.h"

namespace hypervet::waive {
namespace {

namespace chrono = std::chrono;

std::optional<unsigned> digits(std::string_view text) {
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<Day> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const Day found(chrono::year(static_cast<int>(*year)), chrono::month(*month), chrono::day(*day));
  if (!found.ok()) return std::nullopt;
  return found;
}

std::string to_string(const Day& day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

Day today_utc() { return Day(chrono::floor<chrono::days>(chrono::system_clock::now())); }

bool Waiver::expects(reports::Verdict verdict) const {
  return std::ranges::find(verdicts, verdict) != verdicts.end();
}

bool Waiver::names(std::string_view clause, std::string_view instance) const {
  return std::ranges::any_of(clauses, [&](const ClauseGlob& glob) {
    return run::matches(glob.text, clause) || run::matches(glob.text, instance);
  });
}

}  // namespace hypervet::waive
