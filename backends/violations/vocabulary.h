// SPDX-License-Identifier: Apache-2.0
// Which keys a violation may have at which seam: the one table that lint, the JSON Schema and the
// interposer agree on.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "backends/violations/rule.h"

namespace hypervet::violations {

enum class KeyRole { kCondition, kEffect };

struct Key {
  std::string_view name;
  KeyRole role;
  bool number;             // takes an expression
  std::string_view words;  // space-separated words that it also takes; "*": any word
  std::string_view what;
};

struct SeamEntry {
  Seam seam;
  std::string_view name;  // as in `at:`
  std::span<const Key> keys;
};

// All seams, in the order of the enumeration.
std::span<const SeamEntry> seams();
const SeamEntry* find_seam(std::string_view name);
const Key* find_key(const SeamEntry& seam, std::string_view name);
// Is it one of the key's words?
bool takes_word(const Key& key, std::string_view word);

}  // namespace hypervet::violations
