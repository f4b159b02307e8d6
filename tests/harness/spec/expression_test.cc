// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/expression.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace hypervet::spec {
namespace {

class Table final : public Environment {
 public:
  std::map<std::string, Number, std::less<>> values = {{"KVM_ENOSYS", {1000, {}, false}},
                                                       {"area", {0x1000000, {}, false}},
                                                       {"a-b", {7, {}, false}},
                                                       {"st.version", {4, {}, false}},
                                                       {"x", {0, {}, false}},
                                                       {"c.per-cpu", {0, {0, 1, 0, 0}, true}}};
  std::optional<Number> lookup(std::string_view name) const override {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<Number> call(std::string_view function,
                             const std::vector<Number>& arguments) const override {
    if (function != "apic-id") return std::nullopt;
    return Number{arguments[0].value * 2, {}, false};
  }
};

Expression parsed(std::string_view text) {
  auto made =
      Expression::parse(text, {std::make_shared<const SourceFile>("e", std::string(text)), 1, 1});
  EXPECT_TRUE(made) << text << ": " << made.error().message;
  return *made;
}

std::uint64_t value(std::string_view text) {
  const auto found = parsed(text).evaluate(Table{});
  EXPECT_TRUE(found) << text << ": " << (found ? "" : found.error().message);
  return found ? found->value : 0xbad;
}

// "column: message" of parsing or evaluating.
std::string problem(std::string_view text) {
  const auto made =
      Expression::parse(text, {std::make_shared<const SourceFile>("e", std::string(text)), 1, 1});
  const auto say = [](const Diagnostic& d) {
    return std::to_string(d.mark.column) + ": " + d.message;
  };
  if (!made) return say(made.error());
  const auto found = made->evaluate(Table{});
  return found ? "" : say(found.error());
}

TEST(Expression, Numbers) {
  EXPECT_EQ(value("10"), 10u);
  EXPECT_EQ(value("0x1F"), 31u);
  EXPECT_EQ(value("0b101"), 5u);
  EXPECT_EQ(value("18446744073709551615"), ~0ull);
  EXPECT_EQ(value("5ms"), 5'000'000u);
  EXPECT_EQ(value("100us"), 100'000u);
  EXPECT_EQ(value("1s"), 1'000'000'000u);
  EXPECT_EQ(value("20ns"), 20u);
}

TEST(Expression, BadNumbers) {
  EXPECT_EQ(problem("18446744073709551616"),
            "1: the number '18446744073709551616' does not fit 64 bits");
  EXPECT_EQ(problem("0x10000000000000000"),
            "1: the number '0x10000000000000000' does not fit 64 bits");
  EXPECT_EQ(problem("18446744073709551615s"),
            "1: the duration '18446744073709551615s' does not fit 64 bits");
  const std::string how =
      " is not a number; numbers are written 10, 0x1f, 0b101, durations 5ms (ns, us, ms, s)";
  EXPECT_EQ(problem("1 + 0x"), "5: '0x'" + how);
  EXPECT_EQ(problem("0b12"), "1: '0b12'" + how);
  EXPECT_EQ(problem("5min"), "1: '5min'" + how);
  EXPECT_EQ(problem("0x5ms"), "1: '0x5ms'" + how);
}

TEST(Expression, Precedence) {
  EXPECT_EQ(value("1 + 2 * 3"), 7u);
  EXPECT_EQ(value("(1 + 2) * 3"), 9u);
  EXPECT_EQ(value("10 - 2 - 3"), 5u);
  EXPECT_EQ(value("100 / 10 / 5"), 2u);
  EXPECT_EQ(value("1 << 2 + 1"), 8u);
  EXPECT_EQ(value("6 & 3 == 2"), 1u);  // not as in C
  EXPECT_EQ(value("1 | 6 ^ 2 & 3"), 5u);
  EXPECT_EQ(value("1 == 1 && 2 > 3 || 4 <= 4"), 1u);
  EXPECT_EQ(value("-2 + 5"), 3u);
  EXPECT_EQ(value("~0 >> 60"), 15u);
  EXPECT_EQ(value("!0 + 1"), 2u);
  EXPECT_EQ(value("- - 3"), 3u);
}

TEST(Expression, ArithmeticWrapsAndIsUnsigned) {
  EXPECT_EQ(value("-KVM_ENOSYS"), static_cast<std::uint64_t>(-1000));
  EXPECT_EQ(value("0 - 1"), ~0ull);
  EXPECT_EQ(value("0xffffffffffffffff + 2"), 1u);
  EXPECT_EQ(value("0xffffffffffffffff * 3"), ~0ull - 2);
  EXPECT_EQ(value("-1 > 1"), 1u);
}

TEST(Expression, ShiftsBeyondTheWordGiveZero) {
  EXPECT_EQ(value("1 << 63"), 1ull << 63);
  EXPECT_EQ(value("1 << 64"), 0u);
  EXPECT_EQ(value("~0 >> 64"), 0u);
  EXPECT_EQ(value("1 << -1"), 0u);
}

TEST(Expression, DivisionByZeroNamesTheOperator) {
  EXPECT_EQ(problem("area / x"), "6: division by zero");
  EXPECT_EQ(problem("area % (1 - 1)"), "6: division by zero");
  EXPECT_EQ(value("x != 0 && area / x > 1"), 0u);  // the right side is not looked at
  EXPECT_EQ(value("x == 0 || area / x > 1"), 1u);
}

TEST(Expression, Names) {
  EXPECT_EQ(value("a-b"), 7u);
  EXPECT_EQ(value("a-b - 2"), 5u);
  EXPECT_EQ(value("st.version + 1"), 5u);
  EXPECT_EQ(problem("area + nobody"), "8: unknown name 'nobody'");
  EXPECT_EQ(problem("a-b-c"), "1: unknown name 'a-b-c'");
}

TEST(Expression, Functions) {
  EXPECT_EQ(value("popcount(0b1011)"), 3u);
  EXPECT_EQ(value("low32(-1)"), 0xffffffffu);
  EXPECT_EQ(value("sign32(0x80000000)"), 0xffffffff80000000u);
  EXPECT_EQ(value("sign32(0x17fffffff)"), 0x7fffffffu);
  EXPECT_EQ(value("min(3, 2) + max(3, 2)"), 5u);
  EXPECT_EQ(value("apic-id(1 + 1)"), 4u);
  EXPECT_EQ(problem("phys(area)"), "1: 'phys' has no meaning here");
  EXPECT_EQ(problem("1 + popcnt(3)"), "5: there is no function 'popcnt', did you mean 'popcount'?");
  EXPECT_EQ(problem("min(1)"), "1: min takes 2 arguments, not 1");
  EXPECT_EQ(problem("popcount()"), "1: popcount takes 1 argument, not 0");
  EXPECT_EQ(problem("min(1, 2"),
            "9: ')' is missing at the end (inside { } and [ ] a text with ',' needs quotes)");
}

TEST(Expression, ListsCompareAsAWhole) {
  EXPECT_EQ(parsed("bits(0b110)").evaluate(Table{})->list, (std::vector<std::uint64_t>{0, 1, 1}));
  EXPECT_EQ(value("c.per-cpu == bits(0b10)"), 1u);
  EXPECT_EQ(value("c.per-cpu != bits(0b11)"), 1u);
  EXPECT_EQ(value("bits(0) == 0"), 0u);
  EXPECT_EQ(problem("c.per-cpu + 1"), "11: a list is compared as a whole, with == or !=");
  EXPECT_EQ(problem("popcount(c.per-cpu)"), "1: a list is compared as a whole, with == or !=");
}

TEST(Expression, SyntaxErrorsNameTheirColumn) {
  EXPECT_EQ(problem(""), "1: something is missing at the end of the expression");
  EXPECT_EQ(problem("1 +"), "4: something is missing at the end of the expression");
  EXPECT_EQ(problem("1 + * 2"), "5: a number or a name is missing before '*'");
  EXPECT_EQ(problem("(1 + 2"),
            "7: ')' is missing at the end (inside { } and [ ] a text with ',' needs quotes)");
  EXPECT_EQ(problem("1 + 2)"), "6: ')' closes nothing");
  EXPECT_EQ(problem("1 2"), "3: an operator is missing before this");
  EXPECT_EQ(problem("1..5"), "2: a range stands only in 'for:'");
  EXPECT_EQ(problem("x = 1"), "3: '=' does not belong in an expression; equality is '=='");
  EXPECT_EQ(problem("$x"), "1: names are written without '$'");
  EXPECT_EQ(problem("1 < 2 < 3"), "7: comparisons do not chain; join them with '&&'");
  EXPECT_EQ(problem("1 @ 2"), "3: '@' does not belong in an expression");
  EXPECT_EQ(problem("1 € 2"), "3: '€' does not belong in an expression");
}

TEST(Expression, SizeAndNestingAreBounded) {
  EXPECT_EQ(problem(std::string(90, '(') + "1" + std::string(90, ')')), "");
  EXPECT_EQ(problem(std::string(200, '(') + "1" + std::string(200, ')')),
            "101: the expression is nested too deeply");
  EXPECT_EQ(problem(std::string(2000, '-') + "1"), "101: the expression is nested too deeply");
  std::string chain = "1";
  for (int i = 0; i < 1000; ++i) chain += "+1";
  EXPECT_EQ(problem(chain), "500: the expression is too long");
  EXPECT_EQ(problem(std::string(5000, '1')), "1: the expression is too long");
}

TEST(Expression, TellsWhatItUses) {
  const Expression made = parsed("area + min(st.version, apic-id(x))");
  EXPECT_EQ(made.names(), (std::set<std::string>{"area", "st.version", "x"}));
  std::string uses;
  for (const Use& use : made.uses()) {
    uses += use.name + (use.is_function ? "()" : "") + "@" + std::to_string(use.mark.column) + " ";
  }
  EXPECT_EQ(uses, "area@1 min()@8 st.version@12 apic-id()@24 x@32 ");
}

TEST(Expression, Explains) {
  EXPECT_EQ(parsed("x < st.version").explain(Table{}), "x (0) < st.version (4)");
  EXPECT_EQ(parsed("area + nobody").explain(Table{}), "area (0x1000000) + nobody");
  EXPECT_EQ(parsed("c.per-cpu == bits(2)").explain(Table{}), "c.per-cpu ({0, 1, 0, 0}) == bits(2)");
}

TEST(Expression, AsTheInputOfAStep) {
  const auto observed = [](std::string_view name) { return name == "seen" || name == "other"; };
  const auto split = [&](std::string_view text) -> std::string {
    const auto sum = parsed(text).slot_sum(Table{}, observed);
    if (!sum) return std::to_string(sum.error().mark.column) + ": " + sum.error().message;
    return sum->slot + "+" + std::to_string(sum->addend);
  };
  const std::string refusal =
      ": what a step observed can be an input of a later one only as 'name' or 'name + constant'";
  EXPECT_EQ(split("area + 1"), "+16777217");
  EXPECT_EQ(split("seen"), "seen+0");
  EXPECT_EQ(split("1 + seen + st.version * 2"), "seen+9");
  EXPECT_EQ(split("seen - 1"), "seen+18446744073709551615");
  EXPECT_EQ(split("1 - seen"), "3" + refusal);
  EXPECT_EQ(split("seen + other"), "6" + refusal);
  EXPECT_EQ(split("seen * 2"), "6" + refusal);
  EXPECT_EQ(split("popcount(seen)"), "1" + refusal);
  EXPECT_EQ(split("-seen"), "1" + refusal);
  EXPECT_EQ(split("bits(3)"), "1: a list cannot be an input");
  EXPECT_EQ(split("seen + 1 / x"), "10: division by zero");
}

TEST(Expression, AQuotedTextHasItsColumnsBehindTheQuote) {
  const auto file = std::make_shared<const SourceFile>("q", "check: \"1 + nobody\"\n");
  Node node;
  node.kind = Node::Kind::kScalar;
  node.scalar = "1 + nobody";
  node.quoted = true;
  node.mark = {file, 1, 8};
  EXPECT_EQ(Expression::parse(node)->evaluate(Table{}).error().mark.column, 13u);
  // Text that YAML folded has no columns of its own.
  node.scalar = "1 +\nnobody";
  EXPECT_EQ(Expression::parse(node)->evaluate(Table{}).error().mark.column, 9u);
}

}  // namespace
}  // namespace hypervet::spec
