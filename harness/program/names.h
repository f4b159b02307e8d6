// SPDX-License-Identifier: Apache-2.0
// The names that a case's expressions may use while it is compiled, and what each stands for. Owned
// by one compilation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/program/compiled_case.h"
#include "harness/spec/expression.h"

namespace hypervet::program {

using SymbolTable = std::map<std::string, Symbol, std::less<>>;

// "st.version" -> {"st", "version"}, where st is a symbol that was observed; {name, ""} for a bare
// one.
std::pair<std::string_view, std::string_view> split_name(const SymbolTable& symbols,
                                                         std::string_view name);

// apic-id and phys, as every environment of a case knows them.
std::optional<spec::Number> call_function(const std::map<std::uint64_t, std::uint64_t>& window,
                                          std::string_view function,
                                          const std::vector<spec::Number>& arguments);

// Everything known before the run: constants, parameters, addresses. What steps observe has no
// value here.
class KnownNames final : public spec::Environment {
 public:
  KnownNames(const SymbolTable& symbols, const std::map<std::uint64_t, std::uint64_t>& window)
      : symbols_(symbols), window_(window) {}
  std::optional<spec::Number> lookup(std::string_view name) const override;
  std::optional<spec::Number> call(std::string_view function,
                                   const std::vector<spec::Number>& arguments) const override;

 private:
  const SymbolTable& symbols_;
  const std::map<std::uint64_t, std::uint64_t>& window_;
};

}  // namespace hypervet::program
