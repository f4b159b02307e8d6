// SPDX-License-Identifier: Apache-2.0
// Expressions of the spec language: parsed once, evaluated against an environment. Immutable after parsing, thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/diagnostic.h"

namespace hypervet::spec {

// A value is a 64-bit number, or a list of them (bits(x), per-CPU counts).
struct Number {
  std::uint64_t value = 0;
  std::vector<std::uint64_t> list;
  bool is_list = false;
  bool operator==(const Number&) const = default;
};

class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::optional<Number> lookup(std::string_view name) const = 0;  // "st.version" comes as one name
  // Functions beyond the built-in arithmetic ones: apic-id, phys. nullopt: no such function here.
  virtual std::optional<Number> call(std::string_view function, const std::vector<Number>& arguments) const = 0;
};

class Expression {
 public:
  // `text` begins at `mark`; a syntax error names the column inside it.
  static std::expected<Expression, Diagnostic> parse(std::string_view text, const Mark& mark);

  // An unknown name, a bad argument, a division by zero: a diagnostic at the mark of the name or operator.
  std::expected<Number, Diagnostic> evaluate(const Environment& environment) const;

  const std::string& text() const;
  const Mark& mark() const;
  std::set<std::string> names() const;  // every name it uses
  // The text with every name followed by its value, for reports: "t0 (12) < pairing.tsc (15)".
  std::string explain(const Environment& environment) const;

  struct Tree;  // defined in expression.cc

 private:
  std::shared_ptr<const Tree> tree_;
  std::string text_;
  Mark mark_;
};

}  // namespace hypervet::spec
