// SPDX-License-Identifier: Apache-2.0
// The parsed form of an expression. Internal to expression*.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/expression.h"

namespace hypervet::spec {

enum class Operation {
  kNumber,
  kName,
  kCall,
  kNegate,
  kInvert,
  kNot,
  kMultiply,
  kDivide,
  kRemainder,
  kAdd,
  kSubtract,
  kShiftLeft,
  kShiftRight,
  kAnd,
  kXor,
  kOr,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kBoth,
  kEither,
};

// One operation with its operands, each an index of the tree's nodes. Operands stand before what
// uses them.
struct TreeNode {
  Operation operation = Operation::kNumber;
  std::uint64_t value = 0;  // kNumber
  std::string name;         // kName, kCall
  std::vector<std::size_t> operands;
  std::size_t offset = 0;  // in the text: of the number, name or operator
};

struct Expression::Tree {
  std::vector<TreeNode> nodes;
  std::size_t root = 0;
};

inline constexpr std::size_t kMaxExpressionText = 4096;
inline constexpr std::size_t kMaxExpressionNodes =
    500;  // also bounds how deep an evaluation recurses
inline constexpr std::size_t kMaxExpressionDepth =
    100;  // parentheses and unary operators inside each other

struct ExpressionError {
  std::size_t offset = 0;
  std::string message;
};
std::expected<Expression::Tree, ExpressionError> parse_expression(std::string_view text);

}  // namespace hypervet::spec
