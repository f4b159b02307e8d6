// SPDX-License-Identifier: Apache-2.0
// Reading a rule: what value a key has, and whether a condition's value is the actual one. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backends/violations/rule.h"

namespace hypervet::violations {

// The effect's number, or its word; nothing (empty) if the rule has not got it or has the other
// kind.
inline std::optional<std::uint64_t> number(const Rule& rule, std::string_view effect) {
  const auto found = rule.effects.find(effect);
  if (found == rule.effects.end()) return std::nullopt;
  const auto* value = std::get_if<std::uint64_t>(&found->second);
  return value ? std::optional(*value) : std::nullopt;
}

inline std::string_view word(const Rule& rule, std::string_view effect) {
  const auto found = rule.effects.find(effect);
  if (found == rule.effects.end()) return {};
  const auto* value = std::get_if<std::string>(&found->second);
  return value ? std::string_view(*value) : std::string_view();
}

inline bool has(const Rule& rule, std::string_view effect) { return rule.effects.contains(effect); }

inline bool is(const Value& wanted, std::uint64_t actual) {
  const auto* value = std::get_if<std::uint64_t>(&wanted);
  return value && *value == actual;
}

inline bool is(const Value& wanted, std::string_view actual) {
  const auto* value = std::get_if<std::string>(&wanted);
  return value && *value == actual;
}

inline std::optional<std::uint64_t> as_number(const Value& wanted) {
  const auto* value = std::get_if<std::uint64_t>(&wanted);
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace hypervet::violations
