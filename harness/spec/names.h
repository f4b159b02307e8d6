// SPDX-License-Identifier: Apache-2.0
// An environment that is a table of numbers: constants, parameters. Plain value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/expression.h"

namespace hypervet::spec {

class Names final : public Environment {
 public:
  Names() = default;
  explicit Names(const std::map<std::string, std::uint64_t>& constants)
      : values_(constants.begin(), constants.end()) {}

  void set(const std::string& name, std::uint64_t value) { values_.insert_or_assign(name, value); }
  bool contains(std::string_view name) const { return values_.contains(name); }
  const std::map<std::string, std::uint64_t, std::less<>>& values() const { return values_; }

  std::optional<Number> lookup(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(Number{found->second, {}, false});
  }
  std::optional<Number> call(std::string_view, const std::vector<Number>&) const override {
    return std::nullopt;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> values_;
};

}  // namespace hypervet::spec
