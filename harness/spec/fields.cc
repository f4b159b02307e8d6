// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

constexpr bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

constexpr std::array<std::string_view, 5> kReserved = {"even", "odd", "zero", "nonzero", "none"};
constexpr std::size_t kLongestTitle = 100;
constexpr std::array<std::string_view, 4> kFlags = {"yes", "no", "true", "false"};

}  // namespace

bool check_map(const Node& node, std::string_view what, std::span<const std::string_view> keys,
               Problems& problems) {
  if (!node.is_map()) {
    problems.add(node.mark, fmt::format("{} is a map, not {}", what, kind_name(node)));
    return false;
  }
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const std::string& key = node.entries[i].first;
    if (std::ranges::find(keys, key) != keys.end()) continue;
    problems.add(node.key_marks[i],
                 fmt::format("unknown key {} in {}{}", quote(key), what, did_you_mean(key, keys)));
  }
  return true;
}

const Node* require(const Node& map, std::string_view key, std::string_view what,
                    Problems& problems) {
  const Node* found = optional(map, key);
  if (found == nullptr) problems.add(map.key_mark(key), fmt::format("{} needs '{}:'", what, key));
  return found;
}

const Node* optional(const Node& map, std::string_view key) {
  const Node* found = map.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::optional<std::string> read_text(const Node& node, std::string_view what, Problems& problems) {
  if (!node.is_scalar()) {
    problems.add(node.mark, fmt::format("{} is a text, not {}", what, kind_name(node)));
    return std::nullopt;
  }
  if (node.scalar.find_first_not_of(" \n\t") == std::string::npos) {
    problems.add(node.mark, fmt::format("{} is empty", what));
    return std::nullopt;
  }
  std::string text = node.scalar;
  while (text.ends_with('\n')) text.pop_back();  // the end of a block scalar
  return text;
}

std::optional<std::size_t> read_word(const Node& node, std::string_view what,
                                     std::span<const std::string_view> words, Problems& problems) {
  if (!node.is_scalar()) {
    problems.add(node.mark, fmt::format("{} is {}, not {}", what, one_of(words), kind_name(node)));
    return std::nullopt;
  }
  const auto found = std::ranges::find(words, node.scalar);
  if (found == words.end()) {
    problems.add(node.mark,
                 fmt::format("{} is {}, not {}{}", what, one_of(words), quote(node.scalar),
                             words.size() > 3 ? did_you_mean(node.scalar, words) : ""));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - words.begin());
}

std::optional<bool> read_flag(const Node& node, std::string_view what, Problems& problems) {
  if (!node.is_scalar() || std::ranges::find(kFlags, node.scalar) == kFlags.end()) {
    problems.add(node.mark,
                 fmt::format("{} is yes or no, not {}", what,
                             node.is_scalar() ? quote(node.scalar) : std::string(kind_name(node))));
    return std::nullopt;
  }
  return node.scalar == "yes" || node.scalar == "true";
}

std::vector<const Node*> read_list(const Node& node, std::string_view what, Problems& problems) {
  std::vector<const Node*> words;
  if (node.is_scalar()) {
    words.push_back(&node);
  } else if (node.is_list()) {
    for (const Node& each : node.items) {
      if (each.is_scalar()) {
        words.push_back(&each);
      } else {
        problems.add(each.mark,
                     fmt::format("{} is a list of words; this is {}", what, kind_name(each)));
      }
    }
  } else {
    problems.add(node.mark, fmt::format("{} is a list of words, not {}", what, kind_name(node)));
  }
  return words;
}

std::optional<std::uint64_t> read_number(const Node& node, std::string_view what,
                                         const Environment& names, std::uint64_t least,
                                         std::uint64_t most, Problems& problems) {
  if (!node.is_scalar()) {
    problems.add(node.mark, fmt::format("{} is a number, not {}", what, kind_name(node)));
    return std::nullopt;
  }
  const auto expression = Expression::parse(node);
  if (!expression) {
    problems.add(expression.error());
    return std::nullopt;
  }
  const auto value = expression->evaluate(names);
  if (!value) {
    problems.add(value.error());
    return std::nullopt;
  }
  if (value->is_list || value->value < least || value->value > most) {
    problems.add(node.mark, fmt::format("{} is from {} to {}, not {}", what, format_number(least),
                                        format_number(most),
                                        value->is_list ? "a list" : format_number(value->value)));
    return std::nullopt;
  }
  return value->value;
}

bool is_id(std::string_view text) {
  if (text.empty() || text.size() > kLongestTitle) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_lower(text[i])) continue;
    const bool joins = text[i] == '.' || text[i] == '-';
    if (!joins || i == 0 || i + 1 == text.size() || !is_lower(text[i - 1]) ||
        !is_lower(text[i + 1]))
      return false;
  }
  return true;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestTitle || !is_letter(text[0])) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (is_word(text[i])) continue;
    if (text[i] != '-' || i + 1 == text.size() || !is_word(text[i - 1]) || !is_word(text[i + 1]))
      return false;
  }
  return std::ranges::find(kReserved, text) == kReserved.end();
}

bool is_title(std::string_view text) {
  if (text.empty() || text.size() > kLongestTitle || text.front() == ' ' || text.back() == ' ')
    return false;
  return std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '[' || c == ']';
  });
}

}  // namespace hypervet::spec
