// SPDX-License-Identifier: Apache-2.0
// A Pratt parser: the binding power of the operator decides how far the right side reaches.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "harness/spec/expression_tree.h"
#include "harness/spec/suggest.h"
#include "harness/spec/tokens.h"

namespace hypervet::spec {
namespace {

struct Infix {
  std::string_view text;
  Operation operation;
  int power;
};

constexpr int kComparison = 3;
constexpr int kUnary = 10;
constexpr std::array<Infix, 18> kInfix = {{
    {"||", Operation::kEither, 1},
    {"&&", Operation::kBoth, 2},
    {"==", Operation::kEqual, 3},
    {"!=", Operation::kNotEqual, 3},
    {"<", Operation::kLess, 3},
    {"<=", Operation::kLessOrEqual, 3},
    {">", Operation::kGreater, 3},
    {">=", Operation::kGreaterOrEqual, 3},
    {"|", Operation::kOr, 4},
    {"^", Operation::kXor, 5},
    {"&", Operation::kAnd, 6},
    {"<<", Operation::kShiftLeft, 7},
    {">>", Operation::kShiftRight, 7},
    {"+", Operation::kAdd, 8},
    {"-", Operation::kSubtract, 8},
    {"*", Operation::kMultiply, 9},
    {"/", Operation::kDivide, 9},
    {"%", Operation::kRemainder, 9},
}};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::expected<Expression::Tree, ExpressionError> parse() {
    const auto root = expression(0);
    if (!root) return std::unexpected(root.error());
    if (now().kind != Token::Kind::kEnd) {
      return fail(now(),
                  now().text == ")" ? "')' closes nothing" : "an operator is missing before this");
    }
    tree_.root = *root;
    return std::move(tree_);
  }

 private:
  using Result = std::expected<std::size_t, ExpressionError>;

  const Token& now() const { return tokens_[at_]; }
  Token next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }

  static std::unexpected<ExpressionError> fail(const Token& token, std::string message) {
    return std::unexpected(ExpressionError{token.offset, std::move(message)});
  }

  Result add(const Token& token, TreeNode node) {
    if (tree_.nodes.size() == kMaxExpressionNodes) return fail(token, "the expression is too long");
    node.offset = token.offset;
    tree_.nodes.push_back(std::move(node));
    return tree_.nodes.size() - 1;
  }

  Result expression(int power) {
    Result left = operand();
    bool compared = false;
    while (left) {
      const auto* found = now().kind == Token::Kind::kOperator
                              ? std::ranges::find(kInfix, now().text, &Infix::text)
                              : kInfix.end();
      if (found == kInfix.end() || found->power <= power) return left;
      const Token token = next();
      if (found->power == kComparison && std::exchange(compared, true)) {
        return fail(token, "comparisons do not chain; join them with '&&'");
      }
      const Result right = expression(found->power);
      if (!right) return right;
      left = add(token, {found->operation, 0, {}, {*left, *right}, 0});
    }
    return left;
  }

  Result operand() {
    if (++depth_ > kMaxExpressionDepth) return fail(now(), "the expression is nested too deeply");
    const Result found = operand_here();
    --depth_;
    return found;
  }

  Result operand_here() {
    const Token token = next();
    if (token.kind == Token::Kind::kNumber)
      return add(token, {Operation::kNumber, token.value, {}, {}, 0});
    if (token.kind == Token::Kind::kName) return name(token);
    if (token.text == "-") return unary(token, Operation::kNegate);
    if (token.text == "~") return unary(token, Operation::kInvert);
    if (token.text == "!") return unary(token, Operation::kNot);
    if (token.text == "(") {
      const Result inner = expression(0);
      if (!inner) return inner;
      return close(*inner);
    }
    if (token.kind == Token::Kind::kEnd)
      return fail(token, "something is missing at the end of the expression");
    return fail(token, fmt::format("a number or a name is missing before {}", quote(token.text)));
  }

  Result unary(const Token& token, Operation operation) {
    const Result of = expression(kUnary);
    if (!of) return of;
    return add(token, {operation, 0, {}, {*of}, 0});
  }

  Result name(const Token& token) {
    if (now().text != "(") return add(token, {Operation::kName, 0, std::string(token.text), {}, 0});
    return call(token);
  }

  Result call(const Token& token) {
    const Function* function = nullptr;
    std::vector<std::string_view> known;
    for (const Function& each : functions()) {
      if (each.name == token.text) function = &each;
      known.push_back(each.name);
    }
    if (function == nullptr) {
      return fail(token, fmt::format("there is no function {}{}", quote(token.text),
                                     did_you_mean(token.text, known)));
    }
    next();  // (
    TreeNode node{Operation::kCall, 0, std::string(token.text), {}, 0};
    while (now().text != ")") {
      const Result argument = expression(0);
      if (!argument) return argument;
      node.operands.push_back(*argument);
      if (now().text != ",") break;
      next();
    }
    if (node.operands.size() != function->arguments && now().text == ")") {
      return fail(token,
                  fmt::format("{} takes {} argument{}, not {}", token.text, function->arguments,
                              function->arguments == 1 ? "" : "s", node.operands.size()));
    }
    const Result closed = close(0);
    if (!closed) return closed;
    return add(token, std::move(node));
  }

  Result close(std::size_t inner) {
    if (now().text != ")") {
      return fail(
          now(), now().kind == Token::Kind::kEnd
                     ? "')' is missing at the end (inside { } and [ ] a text with ',' needs quotes)"
                     : "')' is missing before this");
    }
    next();
    return inner;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  Expression::Tree tree_;
};

}  // namespace

std::expected<Expression::Tree, ExpressionError> parse_expression(std::string_view text) {
  if (text.size() > kMaxExpressionText)
    return std::unexpected(ExpressionError{0, "the expression is too long"});
  auto tokens = tokenize(text);
  if (!tokens)
    return std::unexpected(ExpressionError{tokens.error().offset, tokens.error().message});
  return Parser(std::move(*tokens)).parse();
}

}  // namespace hypervet::spec
