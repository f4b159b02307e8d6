// SPDX-License-Identifier: Apache-2.0
// The words that expressions are made of. Internal to expression.cc; pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::spec {

struct Token {
  enum class Kind { kNumber, kName, kOperator, kEnd };
  Kind kind = Kind::kEnd;
  std::string_view text;    // in the expression's text
  std::size_t offset = 0;   // of its first byte there
  std::uint64_t value = 0;  // kNumber; a duration in nanoseconds
};

struct TokenError {
  std::size_t offset = 0;
  std::string message;
};

// All tokens of the text, an kEnd last.
std::expected<std::vector<Token>, TokenError> tokenize(std::string_view text);

}  // namespace hypervet::spec
