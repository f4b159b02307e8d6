// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/tokens.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "harness/spec/yaml.h"

namespace hypervet::spec {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_word(char c) { return is_digit(c) || is_letter(c); }

// Longest first, so that '<<' is not read as '<' twice.
constexpr std::array<std::string_view, 20> kOperators = {"<<", ">>", "==", "!=", "<=", ">=", "&&",
                                                         "||", "+",  "-",  "*",  "/",  "%",  "&",
                                                         "|",  "^",  "~",  "!",  "(",  ")"};
constexpr std::array<std::string_view, 3> kOneMore = {"<", ">", ","};

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::array<Unit, 4> kUnits = {
    {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}}};

std::optional<unsigned> digit_value(char c, unsigned base) {
  unsigned value = base;
  if (is_digit(c)) value = static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A') + 10;
  return value < base ? std::optional(value) : std::nullopt;
}

// A number, with the unit of a duration if one follows: "10", "0x1f", "0b101", "5ms".
std::expected<std::uint64_t, std::string> number(std::string_view word) {
  unsigned base = 10;
  std::string_view digits = word;
  if (word.starts_with("0x") || word.starts_with("0X")) base = 16;
  if (word.starts_with("0b") || word.starts_with("0B")) base = 2;
  if (base != 10) digits.remove_prefix(2);
  std::uint64_t value = 0;
  std::size_t used = 0;
  for (; used < digits.size(); ++used) {
    const std::optional<unsigned> digit = digit_value(digits[used], base);
    if (!digit) break;
    if (__builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, *digit, &value)) {
      return std::unexpected(fmt::format("the number {} does not fit 64 bits", quote(word)));
    }
  }
  const std::string_view rest = digits.substr(used);
  if (used > 0 && rest.empty()) return value;
  if (used > 0 && base == 10) {
    for (const Unit& unit : kUnits) {
      if (rest != unit.name) continue;
      if (__builtin_mul_overflow(value, unit.nanoseconds, &value)) {
        return std::unexpected(fmt::format("the duration {} does not fit 64 bits", quote(word)));
      }
      return value;
    }
  }
  return std::unexpected(
      fmt::format("{} is not a number; numbers are written 10, 0x1f, 0b101, durations 5ms "
                  "(ns, us, ms, s)",
                  quote(word)));
}

std::size_t word_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_word(text[at])) ++at;
  return at;
}

// A name goes on over a '.' or '-' that has a word character on both sides.
std::size_t name_end(std::string_view text, std::size_t at) {
  at = word_end(text, at);
  while (at + 1 < text.size() && (text[at] == '.' || text[at] == '-') && is_word(text[at + 1])) {
    at = word_end(text, at + 1);
  }
  return at;
}

std::string_view operator_at(std::string_view text) {
  for (const std::string_view each : kOperators) {
    if (text.starts_with(each)) return each;
  }
  for (const std::string_view each : kOneMore) {
    if (text.starts_with(each)) return each;
  }
  return {};
}

std::string strange(std::string_view text) {
  if (text.starts_with("..")) return "a range stands only in 'for:'";
  if (text.starts_with('=')) return "'=' does not belong in an expression; equality is '=='";
  if (text.starts_with('$')) return "names are written without '$'";
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    ++length;
  return fmt::format("{} does not belong in an expression", quote(text.substr(0, length)));
}

}  // namespace

std::expected<std::vector<Token>, TokenError> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t')) ++at;
    if (at == text.size()) break;
    Token token;
    token.offset = at;
    if (is_digit(text[at])) {
      token.kind = Token::Kind::kNumber;
      token.text = text.substr(at, word_end(text, at) - at);
      const auto value = number(token.text);
      if (!value) return std::unexpected(TokenError{at, value.error()});
      token.value = *value;
    } else if (is_letter(text[at])) {
      token.kind = Token::Kind::kName;
      token.text = text.substr(at, name_end(text, at) - at);
    } else {
      token.kind = Token::Kind::kOperator;
      const std::string_view found = operator_at(text.substr(at));
      if (found.empty()) return std::unexpected(TokenError{at, strange(text.substr(at))});
      token.text = text.substr(at, found.size());
    }
    at += token.text.size();
    tokens.push_back(token);
  }
  tokens.push_back({Token::Kind::kEnd, text.substr(text.size()), text.size(), 0});
  return tokens;
}

}  // namespace hypervet::spec
