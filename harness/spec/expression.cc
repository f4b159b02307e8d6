// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "harness/spec/expression_tree.h"

namespace hypervet::spec {
namespace {

using Value = std::expected<Number, ExpressionError>;

Number number(std::uint64_t value) { return {value, {}, false}; }

Number bits(std::uint64_t value) {
  Number found{0, {}, true};
  for (; value != 0; value >>= 1) found.list.push_back(value & 1);
  return found;
}

std::uint64_t sign32(std::uint64_t value) {
  return static_cast<std::uint64_t>(
      static_cast<std::int64_t>(static_cast<std::int32_t>(value & 0xffff'ffff)));
}

std::optional<Number> built_in(std::string_view function, const std::vector<Number>& with) {
  const std::uint64_t first = with.front().value;
  if (function == "popcount") return number(static_cast<std::uint64_t>(std::popcount(first)));
  if (function == "bits") return bits(first);
  if (function == "low32") return number(first & 0xffff'ffff);
  if (function == "sign32") return number(sign32(first));
  if (function == "min") return number(std::min(first, with.back().value));
  if (function == "max") return number(std::max(first, with.back().value));
  return std::nullopt;
}

// The operations on two plain numbers that cannot fail.
std::uint64_t combine(Operation operation, std::uint64_t a, std::uint64_t b) {
  switch (operation) {
    case Operation::kMultiply:
      return a * b;
    case Operation::kDivide:
      return a / b;
    case Operation::kRemainder:
      return a % b;
    case Operation::kAdd:
      return a + b;
    case Operation::kSubtract:
      return a - b;
    case Operation::kShiftLeft:
      return b >= 64 ? 0 : a << b;
    case Operation::kShiftRight:
      return b >= 64 ? 0 : a >> b;
    case Operation::kAnd:
      return a & b;
    case Operation::kXor:
      return a ^ b;
    case Operation::kOr:
      return a | b;
    case Operation::kLess:
      return a < b;
    case Operation::kLessOrEqual:
      return a <= b;
    case Operation::kGreater:
      return a > b;
    case Operation::kGreaterOrEqual:
      return a >= b;
    default:
      return 0;
  }
}

class Evaluation {
 public:
  Evaluation(const Expression::Tree& tree, const Environment& environment)
      : tree_(tree), environment_(environment) {}

  Value operator()(std::size_t index) const {
    const TreeNode& node = tree_.nodes[index];
    switch (node.operation) {
      case Operation::kNumber:
        return number(node.value);
      case Operation::kName: {
        std::optional<Number> found = environment_.lookup(node.name);
        if (!found) return fail(node, fmt::format("unknown name {}", quote(node.name)));
        return *std::move(found);
      }
      case Operation::kCall:
        return call(node);
      case Operation::kNegate:
      case Operation::kInvert:
      case Operation::kNot:
        return unary(node);
      case Operation::kBoth:
      case Operation::kEither:
        return logic(node);
      default:
        return binary(node);
    }
  }

 private:
  static std::unexpected<ExpressionError> fail(const TreeNode& node, std::string message) {
    return std::unexpected(ExpressionError{node.offset, std::move(message)});
  }

  Value plain(const TreeNode& user, std::size_t index) const {
    Value found = (*this)(index);
    if (found && found->is_list) return fail(user, "a list is compared as a whole, with == or !=");
    return found;
  }

  Value call(const TreeNode& node) const {
    std::vector<Number> arguments;
    for (const std::size_t each : node.operands) {
      Value argument = plain(node, each);
      if (!argument) return argument;
      arguments.push_back(*std::move(argument));
    }
    std::optional<Number> found = built_in(node.name, arguments);
    if (!found) found = environment_.call(node.name, arguments);
    if (!found) return fail(node, fmt::format("{} has no meaning here", quote(node.name)));
    return *std::move(found);
  }

  Value unary(const TreeNode& node) const {
    const Value of = plain(node, node.operands[0]);
    if (!of) return of;
    if (node.operation == Operation::kNegate) return number(0 - of->value);
    if (node.operation == Operation::kInvert) return number(~of->value);
    return number(of->value == 0);
  }

  Value logic(const TreeNode& node) const {
    const bool both = node.operation == Operation::kBoth;
    const Value left = plain(node, node.operands[0]);
    if (!left) return left;
    if ((left->value != 0) != both) return number(!both);
    const Value right = plain(node, node.operands[1]);
    if (!right) return right;
    return number(right->value != 0);
  }

  Value binary(const TreeNode& node) const {
    const bool equality =
        node.operation == Operation::kEqual || node.operation == Operation::kNotEqual;
    const Value left = equality ? (*this)(node.operands[0]) : plain(node, node.operands[0]);
    if (!left) return left;
    const Value right = equality ? (*this)(node.operands[1]) : plain(node, node.operands[1]);
    if (!right) return right;
    if (equality) return number(same(*left, *right) == (node.operation == Operation::kEqual));
    const bool divides =
        node.operation == Operation::kDivide || node.operation == Operation::kRemainder;
    if (divides && right->value == 0) return fail(node, "division by zero");
    return number(combine(node.operation, left->value, right->value));
  }

  const Expression::Tree& tree_;
  const Environment& environment_;
};

// Splits a tree into an observed name and a constant.
class SlotSplit {
 public:
  using Result = std::expected<SlotSum, ExpressionError>;
  SlotSplit(const Expression::Tree& tree, const Environment& known,
            const std::function<bool(std::string_view)>& observed)
      : tree_(tree), evaluate_(tree, known), observed_(observed) {}

  Result operator()(std::size_t index) const {
    const TreeNode& node = tree_.nodes[index];
    if (!has_slot(index)) {
      const Value value = evaluate_(index);
      if (!value) return std::unexpected(value.error());
      if (value->is_list)
        return std::unexpected(ExpressionError{node.offset, "a list cannot be an input"});
      return SlotSum{{}, value->value};
    }
    if (node.operation == Operation::kName) return SlotSum{node.name, 0};
    const bool adds = node.operation == Operation::kAdd;
    if (!adds && node.operation != Operation::kSubtract) return refuse(node);
    Result left = (*this)(node.operands[0]);
    if (!left) return left;
    Result right = (*this)(node.operands[1]);
    if (!right) return right;
    if (!right->slot.empty() && (!adds || !left->slot.empty())) return refuse(node);
    return SlotSum{left->slot.empty() ? right->slot : left->slot,
                   adds ? left->addend + right->addend : left->addend - right->addend};
  }

 private:
  static Result refuse(const TreeNode& node) {
    return std::unexpected(ExpressionError{
        node.offset,
        "what a step observed can be an input of a later one only as 'name' or 'name + constant'"});
  }

  bool has_slot(std::size_t index) const {
    const TreeNode& node = tree_.nodes[index];
    if (node.operation == Operation::kName) return observed_(node.name);
    return std::ranges::any_of(node.operands, [this](std::size_t each) { return has_slot(each); });
  }

  const Expression::Tree& tree_;
  Evaluation evaluate_;
  const std::function<bool(std::string_view)>& observed_;
};

// The mark of an offset in a text that begins at `mark`. A text that YAML joined from several lines
// has no such columns: then it is the mark itself.
Mark inside(const Mark& mark, std::string_view text, std::size_t offset) {
  Mark found = mark;
  if (mark.line == 0) return found;
  const bool as_written =
      !mark.file || (mark.column > 0 && mark.file->line(mark.line).size() >= mark.column - 1 &&
                     mark.file->line(mark.line).substr(mark.column - 1).starts_with(text));
  if (as_written) found.column += static_cast<unsigned>(offset);
  return found;
}

}  // namespace

const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {"popcount", 1, true, "the number of bits set in x"},
      {"bits", 1, true,
       "the bits of x from bit 0 up, as a list: what per-CPU counts are compared with"},
      {"low32", 1, true, "bits 31:0 of x"},
      {"sign32", 1, true, "bits 31:0 of x, sign-extended"},
      {"min", 2, true, "the smaller one"},
      {"max", 2, true, "the larger one"},
      {"apic-id", 1, false, "the APIC id of that CPU"},
      {"phys", 1, false, "the guest-physical address of an allocation or page"},
  };
  return all;
}

bool same(const Number& a, const Number& b) {
  if (a.is_list != b.is_list) return false;
  if (!a.is_list) return a.value == b.value;
  const std::size_t length = std::max(a.list.size(), b.list.size());
  for (std::size_t i = 0; i < length; ++i) {
    if ((i < a.list.size() ? a.list[i] : 0) != (i < b.list.size() ? b.list[i] : 0)) return false;
  }
  return true;
}

std::expected<Expression, Diagnostic> Expression::parse(std::string_view text, const Mark& mark) {
  auto tree = parse_expression(text);
  if (!tree)
    return std::unexpected(diagnose(inside(mark, text, tree.error().offset), tree.error().message));
  Expression made;
  made.tree_ = std::make_shared<const Tree>(*std::move(tree));
  made.text_ = text;
  made.mark_ = mark;
  return made;
}

std::expected<Expression, Diagnostic> Expression::parse(const Node& node) {
  if (!node.is_scalar()) {
    return std::unexpected(
        diagnose(node.mark, fmt::format("an expression is wanted, not {}", kind_name(node))));
  }
  return parse(node.scalar, node.text_mark());
}

std::expected<Number, Diagnostic> Expression::evaluate(const Environment& environment) const {
  Value value = Evaluation(*tree_, environment)(tree_->root);
  if (!value)
    return std::unexpected(
        diagnose(inside(mark_, text_, value.error().offset), value.error().message));
  return *std::move(value);
}

std::expected<SlotSum, Diagnostic> Expression::slot_sum(
    const Environment& known, const std::function<bool(std::string_view)>& observed) const {
  auto sum = SlotSplit(*tree_, known, observed)(tree_->root);
  if (!sum)
    return std::unexpected(diagnose(inside(mark_, text_, sum.error().offset), sum.error().message));
  return *std::move(sum);
}

const std::string& Expression::text() const { return text_; }
const Mark& Expression::mark() const { return mark_; }

std::set<std::string> Expression::names() const {
  std::set<std::string> found;
  for (const TreeNode& node : tree_->nodes) {
    if (node.operation == Operation::kName) found.insert(node.name);
  }
  return found;
}

std::vector<Use> Expression::uses() const {
  std::vector<const TreeNode*> found;
  for (const TreeNode& node : tree_->nodes) {
    if (node.operation == Operation::kName || node.operation == Operation::kCall)
      found.push_back(&node);
  }
  std::ranges::sort(found, {}, &TreeNode::offset);
  std::vector<Use> uses;
  for (const TreeNode* node : found) {
    uses.push_back(
        {node->name, inside(mark_, text_, node->offset), node->operation == Operation::kCall});
  }
  return uses;
}

std::string Expression::explain(const Environment& environment) const {
  std::vector<const TreeNode*> found;
  for (const TreeNode& node : tree_->nodes) {
    if (node.operation == Operation::kName) found.push_back(&node);
  }
  std::ranges::sort(found, {}, &TreeNode::offset);
  std::string explained;
  std::size_t copied = 0;
  for (const TreeNode* node : found) {
    const std::size_t end = node->offset + node->name.size();
    explained += std::string_view(text_).substr(copied, end - copied);
    copied = end;
    const std::optional<Number> value = environment.lookup(node->name);
    if (!value) continue;
    if (!value->is_list) {
      explained += fmt::format(" ({})", format_number(value->value));
      continue;
    }
    std::vector<std::string> parts;
    for (const std::uint64_t each : value->list) parts.push_back(format_number(each));
    explained += fmt::format(" ({{{}}})", fmt::join(parts, ", "));
  }
  return explained + text_.substr(copied);
}

std::string format_number(std::uint64_t value) {
  constexpr std::uint64_t kSmall = 1 << 16;
  return value < kSmall ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

}  // namespace hypervet::spec
