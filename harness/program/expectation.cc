// SPDX-License-Identifier: Apache-2.0
#include "harness/program/expectation.h"

#include <array>
#include <charconv>

#include "harness/program/arguments.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

using spec::Expression;
using spec::Node;

constexpr std::array<std::string_view, 22> kFaultNames = {
    "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "",    "#TS",
    "#NP", "#SS", "#GP", "#PF", "",    "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};

// Expressions are made from words here and there ("reached: yes" is 1).
Expression number(std::uint64_t value, const spec::Mark& mark) {
  return take(Expression::parse(std::to_string(value), mark));
}

Allowed parse_allowed(const Node& node);

Allowed scalar_allowed(const Node& node) {
  Allowed result;
  const std::string& word = node.scalar;
  if (word == "even") {
    result.kind = Allowed::Kind::kEven;
  } else if (word == "odd") {
    result.kind = Allowed::Kind::kOdd;
  } else if (word == "zero") {
    result.kind = Allowed::Kind::kZero;
  } else if (word == "nonzero") {
    result.kind = Allowed::Kind::kNonzero;
  } else {
    result.a = expression_of(node);
  }
  return result;
}

Allowed list_allowed(const Node& node, Allowed::Kind kind) {
  if (node.kind != Node::Kind::kList) fail(node.mark, "a list is wanted here");
  Allowed result;
  result.kind = kind;
  for (const Node& item : node.items) result.items.push_back(parse_allowed(item));
  if (kind == Allowed::Kind::kOneOf && result.items.empty())
    fail(node.mark, "`one-of` of nothing allows nothing");
  return result;
}

Allowed pair_allowed(Arguments& arguments, Allowed::Kind kind, std::string_view first) {
  Allowed result;
  result.kind = kind;
  result.a = expression_of(arguments.need(first));
  result.b = expression_of(arguments.need("is"));
  return result;
}

Allowed range_allowed(Arguments& arguments) {
  Allowed result;
  result.kind = Allowed::Kind::kRange;
  if (const Node* low = arguments.find("at-least")) result.a = expression_of(*low);
  if (const Node* high = arguments.find("at-most")) result.b = expression_of(*high);
  return result;
}

// One form of a map; several together must all hold ({mask: .., is: .., differs-from: ..}).
Allowed map_allowed(const Node& node) {
  Arguments arguments(node, node.mark, "expect");
  std::vector<Allowed> all;
  if (node.find("at-least") != nullptr || node.find("at-most") != nullptr)
    all.push_back(range_allowed(arguments));
  if (node.find("mask") != nullptr)
    all.push_back(pair_allowed(arguments, Allowed::Kind::kMask, "mask"));
  if (node.find("bit") != nullptr)
    all.push_back(pair_allowed(arguments, Allowed::Kind::kBit, "bit"));
  if (const Node* list = arguments.find("one-of"))
    all.push_back(list_allowed(*list, Allowed::Kind::kOneOf));
  if (const Node* list = arguments.find("all-of"))
    all.push_back(list_allowed(*list, Allowed::Kind::kAllOf));
  if (const Node* inner = arguments.find("not")) {
    Allowed result;
    result.kind = Allowed::Kind::kNot;
    result.items.push_back(parse_allowed(*inner));
    all.push_back(std::move(result));
  }
  if (const Node* other = arguments.find("differs-from")) {
    Allowed result;
    result.kind = Allowed::Kind::kDiffers;
    result.a = expression_of(*other);
    all.push_back(std::move(result));
  }
  if (node.find("mask") != nullptr && node.find("bit") != nullptr)
    fail(node.mark, "`mask` and `bit` would share one `is`; use `all-of`");
  arguments.finish();
  if (all.empty()) fail(node.mark, "this expects nothing");
  if (all.size() == 1) return std::move(all.front());
  Allowed result;
  result.kind = Allowed::Kind::kAllOf;
  result.items = std::move(all);
  return result;
}

Allowed parse_allowed(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kScalar:
      return scalar_allowed(node);
    case Node::Kind::kList:
      return list_allowed(node, Allowed::Kind::kList);
    case Node::Kind::kMap:
      return map_allowed(node);
    case Node::Kind::kNull:
      break;
  }
  fail(node.mark, "this expects nothing");
}

Allowed yes_or_no(const Node& node) {
  const std::string& word = word_of(node);
  Allowed result;
  if (word == "yes" || word == "true" || word == "1") {
    result.a = number(1, node.mark);
  } else if (word == "no" || word == "false" || word == "0") {
    result.a = number(0, node.mark);
  } else {
    fail(node.mark, "`reached` is yes or no");
  }
  return result;
}

FaultPattern parse_fault(const Node& node) {
  const std::string& text = word_of(node);
  const auto open = text.find('(');
  const std::string_view name = std::string_view(text).substr(0, open);
  FaultPattern result;
  while (result.vector < kFaultNames.size() && kFaultNames[result.vector] != name) ++result.vector;
  if (name.empty() || result.vector == kFaultNames.size())
    fail(node.mark, "no fault is called `{}` (\"#GP(0)\", \"#UD\", \"#PF\", none)", name);
  if (open == std::string::npos) return result;
  const char* begin = text.data() + open + 1;
  const bool hex = text.compare(open + 1, 2, "0x") == 0;
  std::uint64_t code = 0;
  const auto [end, problem] =
      std::from_chars(begin + (hex ? 2 : 0), text.data() + text.size(), code, hex ? 16 : 10);
  if (problem != std::errc{} || std::string_view(end) != ")")
    fail(node.mark, "the error code of `{}` is no number", text);
  result.error_code = code;
  return result;
}

void add_fault(const Node& node, Expectation& into) {
  if (word_of(node) == "none") {
    into.may_not_fault = true;
  } else {
    into.faults.push_back(parse_fault(node));
  }
}

Expectation parse_faults(const Node& node) {
  Expectation result;
  result.kind = Expectation::Kind::kFault;
  if (node.kind != Node::Kind::kMap) {
    add_fault(node, result);
    return result;
  }
  Arguments arguments(node, node.mark, "fault");
  const Node& list = arguments.need("one-of");
  arguments.finish();
  if (list.kind != Node::Kind::kList || list.items.empty())
    fail(list.mark, "`one-of` takes a list of faults");
  for (const Node& item : list.items) add_fault(item, result);
  return result;
}

Expectation parse_one(const std::string& key, const Node& value) {
  Expectation result;
  if (key == "fault") return parse_faults(value);
  if (key == "unchanged") {
    const std::string& word = word_of(value);
    if (word != "others" && word != "all") fail(value.mark, "`unchanged` is others or all");
    result.kind =
        word == "all" ? Expectation::Kind::kUnchangedAll : Expectation::Kind::kUnchangedOthers;
    return result;
  }
  result.field = key;
  result.allowed = key == "reached" ? yes_or_no(value) : parse_allowed(value);
  return result;
}

}  // namespace

std::expected<std::vector<Expectation>, spec::Diagnostic> parse_expectations(const Node& expect) {
  try {
    if (expect.kind != Node::Kind::kMap) fail(expect.mark, "`expect` takes a map");
    std::vector<Expectation> result;
    for (const auto& [key, value] : expect.entries) {
      result.push_back(parse_one(key, value));
      result.back().mark = expect.key_mark(key);
    }
    if (result.empty()) fail(expect.mark, "`expect` expects nothing");
    return result;
  } catch (const Failure& failure) {
    return std::unexpected(failure.diagnostic);
  }
}

void collect_expressions(const Allowed& allowed, std::vector<const Expression*>& into) {
  if (allowed.a) into.push_back(&*allowed.a);
  if (allowed.b) into.push_back(&*allowed.b);
  for (const Allowed& item : allowed.items) collect_expressions(item, into);
}

std::string fault_name(unsigned vector) {
  if (vector < kFaultNames.size() && !kFaultNames[vector].empty())
    return std::string(kFaultNames[vector]);
  return fmt::format("vector {:#x}", vector);
}

std::string to_string(const FaultPattern& fault) {
  if (!fault.error_code) return fault_name(fault.vector);
  if (*fault.error_code == 0) return fault_name(fault.vector) + "(0)";
  return fmt::format("{}({:#x})", fault_name(fault.vector), *fault.error_code);
}

}  // namespace hypervet::program
