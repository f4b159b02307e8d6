// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/fields.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace hypervet::reports {

void bad(std::size_t column, std::string message) {
  throw LineError{LineError::Kind::kBad, column, std::move(message)};
}

Fields::Fields(const Json& object, std::string_view line, std::string what)
    : object_(object), line_(line), what_(std::move(what)) {
  if (!object_.is_object()) bad(1, fmt::format("{} must be an object", what_));
}

const std::string& Fields::string(const char* key) const { return text(key, required(key)); }

std::string Fields::optional_string(const char* key) const {
  const Json* value = optional(key);
  return value ? text(key, *value) : std::string();
}

std::uint64_t Fields::number(const char* key) const { return unsigned_number(key, required(key)); }

std::uint64_t Fields::optional_number(const char* key, std::uint64_t otherwise) const {
  const Json* value = optional(key);
  return value ? unsigned_number(key, *value) : otherwise;
}

int Fields::small_number(const char* key) const {
  const Json& value = required(key);
  constexpr int kMost = std::numeric_limits<int>::max();
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= kMost
                        : value.is_number_integer() && value.get<std::int64_t>() >= -kMost;
  if (!fits) mistyped(key, "a small whole number");
  return value.get<int>();
}

double Fields::real(const char* key) const { return real_number(key, required(key)); }

double Fields::optional_real(const char* key) const {
  const Json* value = optional(key);
  return value ? real_number(key, *value) : 0;
}

bool Fields::boolean(const char* key) const {
  const Json& value = required(key);
  if (!value.is_boolean()) mistyped(key, "true or false");
  return value.get<bool>();
}

const Fields::Json& Fields::array(const char* key, bool must_be_there) const {
  static const Json kEmpty = Json::array();
  const Json* value = must_be_there ? &required(key) : optional(key);
  if (!value) return kEmpty;
  if (!value->is_array()) mistyped(key, "an array");
  return *value;
}

std::vector<std::string> Fields::strings(const char* key) const {
  std::vector<std::string> words;
  for (const Json& value : array(key, false)) {
    if (!value.is_string()) mistyped(key, "an array of strings");
    words.push_back(value.get_ref<const std::string&>());
  }
  return words;
}

std::map<std::string, std::string> Fields::string_map(const char* key) const {
  std::map<std::string, std::string> map;
  const Json* value = optional(key);
  if (!value) return map;
  if (!value->is_object()) mistyped(key, "an object of strings");
  for (const auto& [name, text] : value->items()) {
    if (!text.is_string()) mistyped(key, "an object of strings");
    map.emplace(name, text.get_ref<const std::string&>());
  }
  return map;
}

std::vector<std::vector<double>> Fields::real_lists(const char* key) const {
  std::vector<std::vector<double>> lists;
  for (const Json& list : array(key, false)) {
    if (!list.is_array()) mistyped(key, "an array of arrays of numbers");
    std::vector<double>& numbers = lists.emplace_back();
    numbers.reserve(list.size());
    for (const Json& value : list) {
      if (!value.is_number()) mistyped(key, "an array of arrays of finite numbers");
      numbers.push_back(real_number(key, value));
    }
  }
  return lists;
}

Fields Fields::object(const char* key) const {
  const Json& value = required(key);
  if (!value.is_object()) mistyped(key, "an object");
  return Fields(value, line_, fmt::format("\"{}\" of {}", key, what_));
}

void Fields::refuse(const char* key, std::string_view why) const {
  bad(column_of(key), fmt::format("\"{}\" of {} {}", key, what_, why));
}

const Fields::Json* Fields::optional(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

const Fields::Json& Fields::required(const char* key) const {
  const Json* value = optional(key);
  if (!value) bad(1, fmt::format("{} lacks \"{}\"", what_, key));
  return *value;
}

const std::string& Fields::text(const char* key, const Json& value) const {
  if (!value.is_string()) mistyped(key, "a string");
  return value.get_ref<const std::string&>();
}

std::uint64_t Fields::unsigned_number(const char* key, const Json& value) const {
  if (!value.is_number_unsigned()) mistyped(key, "a whole number that is not negative");
  return value.get<std::uint64_t>();
}

double Fields::real_number(const char* key, const Json& value) const {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!std::isfinite(number)) mistyped(key, "a finite number");
  return number;
}

void Fields::mistyped(const char* key, std::string_view wanted) const {
  refuse(key, fmt::format("must be {}", wanted));
}

void Fields::unknown_value(const char* key, const std::string& word) const {
  refuse(key, fmt::format("has the unknown value \"{}\"",
                          word.size() <= 40 ? word : word.substr(0, 40) + "..."));
}

// The parser keeps no positions, so the key is looked for in the text: right unless a value quotes
// it earlier.
std::size_t Fields::column_of(const char* key) const {
  const std::size_t at = line_.find(fmt::format("\"{}\":", key));
  return at == std::string_view::npos ? 1 : at + 1;
}

}  // namespace hypervet::reports
