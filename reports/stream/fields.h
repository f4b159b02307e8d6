// SPDX-License-Identifier: Apache-2.0
// The members of one JSON object of a record, fetched by name and type. Every flaw is thrown as a
// LineError with the column of its key; decode_record() catches it.
//
// Borrows the parsed object and the text of its line; for the time of one line only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/stream/decode.h"

namespace hypervet::reports {

// Throws LineError::Kind::kBad. `column` counts bytes from 1.
[[noreturn]] void bad(std::size_t column, std::string message);

class Fields {
 public:
  using Json = nlohmann::json;

  // `what` names the object in messages: "case record".
  Fields(const Json& object, std::string_view line, std::string what);

  // Those without `optional` in their name refuse a record that lacks the key; the others give an
  // empty value or `otherwise`.
  bool has(const char* key) const { return optional(key) != nullptr; }
  void require(const char* key) const { required(key); }

  const std::string& string(const char* key) const;
  std::string optional_string(const char* key) const;
  std::uint64_t number(const char* key) const;
  std::uint64_t optional_number(const char* key, std::uint64_t otherwise = 0) const;
  int small_number(const char* key) const;
  // Finite: JSON has no other numbers, and a null in their place is refused.
  double real(const char* key) const;
  double optional_real(const char* key) const;
  bool boolean(const char* key) const;
  Fields object(const char* key) const;
  // An empty array when the key is absent and need not be there.
  const Json& array(const char* key, bool must_be_there) const;
  // The containers may be absent, which makes them empty.
  std::vector<std::string> strings(const char* key) const;
  std::map<std::string, std::string> string_map(const char* key) const;
  std::vector<std::vector<double>> real_lists(const char* key) const;

  template <typename Enum>
  Enum word(const char* key, std::optional<Enum> (*parse)(std::string_view)) const {
    return parsed(key, string(key), parse);
  }
  template <typename Enum>
  Enum parsed(const char* key, const std::string& word,
              std::optional<Enum> (*parse)(std::string_view)) const {
    const std::optional<Enum> value = parse(word);
    if (!value) unknown_value(key, word);
    return *value;
  }

  // "\"key\" of what" and then what is wrong with it.
  [[noreturn]] void refuse(const char* key, std::string_view why) const;

 private:
  const Json* optional(const char* key) const;
  const Json& required(const char* key) const;
  const std::string& text(const char* key, const Json& value) const;
  std::uint64_t unsigned_number(const char* key, const Json& value) const;
  double real_number(const char* key, const Json& value) const;
  [[noreturn]] void mistyped(const char* key, std::string_view wanted) const;
  [[noreturn]] void unknown_value(const char* key, const std::string& word) const;
  std::size_t column_of(const char* key) const;

  const Json& object_;
  std::string_view line_;
  std::string what_;
};

}  // namespace hypervet::reports
