// SPDX-License-Identifier: Apache-2.0
#include "reports/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace hypervet::reports {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Decoded {
  char32_t code = 0;
  std::size_t size = 0;  // bytes taken; 0 when they are not UTF-8
};

// One character at the front of a text that is not empty. Overlong forms, surrogates and what lies
// beyond U+10FFFF are not UTF-8 (RFC 3629, section 3).
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, size};
}

bool acts_on_its_surroundings(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||  // C0, DEL, C1
         code == 0x061c || (code >= 0x200e && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) ||         // bidi, separators
         code == 0xfeff || (code & 0xfffe) == 0xfffe;  // byte order mark, noncharacters
}

}  // namespace

std::string visible(std::string_view text, Breaks breaks) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [code, size] = decode(text);
    if (size == 0) {
      result += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    const bool kept_break = breaks == Breaks::kKeep && (code == '\n' || code == '\t');
    if (kept_break || !acts_on_its_surroundings(code)) {
      result += text.substr(0, size);
    } else if (code == '\n') {
      result += "\\n";
    } else if (code == '\t') {
      result += "\\t";
    } else if (code == '\r') {
      result += "\\r";
    } else if (code < 0x100) {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned>(code));
    } else {
      fmt::format_to(std::back_inserter(result), "\\u{{{:x}}}", static_cast<unsigned>(code));
    }
    text.remove_prefix(size);
  }
  return result;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string human_duration(std::uint64_t nanoseconds) {
  const double ns = static_cast<double>(nanoseconds);
  if (nanoseconds < 1'000) return fmt::format("{} ns", nanoseconds);
  if (ns < 999.5e3) return fmt::format("{:.3g} µs", ns / 1e3);
  if (ns < 999.5e6) return fmt::format("{:.3g} ms", ns / 1e6);
  const std::uint64_t seconds = nanoseconds / 1'000'000'000;
  if (seconds < 60) return fmt::format("{:.2f} s", ns / 1e9);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

std::string_view upper_name(Level level) {
  switch (level) {
    case Level::kMust:
      return "MUST";
    case Level::kShould:
      return "SHOULD";
    case Level::kMay:
      return "MAY";
  }
  return "?";
}

std::string_view instance_name(const Case& c) {
  std::string_view id = c.id;
  if (id.size() > c.clause.size() + 1 && id.starts_with(c.clause) && id[c.clause.size()] == '/') {
    id.remove_prefix(c.clause.size() + 1);
  }
  return id;
}

std::string waiver_line(const Case& c) {
  if (!c.has(Mark::kWaived) && !c.has(Mark::kUnexpectedPass)) return {};
  if (!c.waiver) return c.reason;
  return fmt::format("until {}: {} ({}; owner: {})", c.waiver->expires, c.waiver->reason,
                     c.waiver->issue, c.waiver->owner);
}

std::string shell_line(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) {
      if (c == '\'') {
        line += R"('\'')";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

}  // namespace hypervet::reports
