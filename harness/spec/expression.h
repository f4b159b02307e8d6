// SPDX-License-Identifier: Apache-2.0
// Expressions of the spec language: parsed once, evaluated against an environment. Immutable after
// parsing, thread-safe.
//
// Binding, loosest first:  ||   &&   == != < <= > >=   |   ^   &   << >>   + -   * / %   unary - ~
// ! (bit operators bind tighter than comparisons, unlike C; comparisons do not chain). 64-bit
// unsigned, wrapping; a shift by 64 or more gives 0; comparisons and logic give 0 or 1. && and ||
// do not look at the right side if the left one decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/yaml.h"

namespace hypervet::spec {

// A value is a 64-bit number, or a list of them (bits(x), per-CPU counts).
struct Number {
  std::uint64_t value = 0;
  std::vector<std::uint64_t> list;
  bool is_list = false;
  bool operator==(const Number&) const = default;
};

// Equal, where the shorter of two lists counts as filled up with zeros: bits(0b0010) is {0, 1},
// four CPUs' counts are {0, 1, 0, 0}. What `==` means in expressions.
bool same(const Number& a, const Number& b);

class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::optional<Number> lookup(
      std::string_view name) const = 0;  // "st.version" comes as one name
  // Functions beyond the built-in arithmetic ones: apic-id, phys. nullopt: no such function here.
  virtual std::optional<Number> call(std::string_view function,
                                     const std::vector<Number>& arguments) const = 0;
};

// A function of the language; the number of its arguments is fixed.
struct Function {
  std::string_view name;
  std::size_t arguments;
  bool built_in;  // arithmetic, known everywhere; else the environment knows it
  std::string_view what;
};
const std::vector<Function>& functions();

// A name or function where it is used.
struct Use {
  std::string name;
  Mark mark;
  bool is_function = false;
};

// What an op's operand can hold: a value observed by an earlier step, if any, plus a constant.
struct SlotSum {
  std::string slot;  // the observed name; empty: a constant alone
  std::uint64_t addend = 0;
};

class Expression {
 public:
  // `text` begins at `mark`; a syntax error names the column inside it.
  static std::expected<Expression, Diagnostic> parse(std::string_view text, const Mark& mark);
  // The text of a scalar node; anything else is a diagnostic at the node.
  static std::expected<Expression, Diagnostic> parse(const Node& node);

  // An unknown name, a bad argument, a division by zero: a diagnostic at the mark of the name or
  // operator.
  std::expected<Number, Diagnostic> evaluate(const Environment& environment) const;

  // As an operand: names for which `observed` holds are unknown yet, everything else is evaluated
  // now. At most one observed name, used as `name` or `name + constant`; else a diagnostic.
  std::expected<SlotSum, Diagnostic> slot_sum(
      const Environment& known, const std::function<bool(std::string_view)>& observed) const;

  const std::string& text() const;
  const Mark& mark() const;
  std::set<std::string> names() const;  // every name it uses, functions not counted
  std::vector<Use> uses() const;        // names and functions in the order of the text
  // The text with every name followed by its value, for reports: "t0 (12) < pairing.tsc (15)".
  std::string explain(const Environment& environment) const;

  struct Tree;  // defined in expression.cc

 private:
  std::shared_ptr<const Tree> tree_;
  std::string text_;
  Mark mark_;
};

// A number for people: small ones in decimal, others in hexadecimal.
std::string format_number(std::uint64_t value);

}  // namespace hypervet::spec
