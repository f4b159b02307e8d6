// SPDX-License-Identifier: Apache-2.0
#include "harness/program/arguments.h"

#include "harness/program/failure.h"

namespace hypervet::program {

using spec::Node;

spec::Expression expression_of(const Node& node) { return take(spec::Expression::parse(node)); }

const std::string& word_of(const Node& node) {
  if (!node.is_scalar()) fail(node.mark, "a word is wanted, not {}", spec::kind_name(node));
  return node.scalar;
}

Arguments::Arguments(const Node& node, const spec::Mark& mark, std::string what,
                     std::string_view sole)
    : node_(&node), mark_(mark), what_(std::move(what)) {
  if (node.is_map() || node.is_null()) return;
  if (node.is_list() || sole.empty()) fail(node.mark, "`{}` takes a map of its arguments", what_);
  own_.kind = Node::Kind::kMap;
  own_.mark = node.mark;
  own_.entries.emplace_back(std::string(sole), node);
  own_.key_marks.push_back(node.mark);
  node_ = &own_;
}

const Node* Arguments::find(std::string_view key) {
  used_.emplace(key);
  return node_->find(key);
}

const Node& Arguments::need(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) fail(mark_, "`{}` needs `{}`", what_, key);
  return *node;
}

void Arguments::finish() const {
  for (const auto& [key, value] : node_->entries) {
    if (used_.contains(key)) continue;
    std::string known;
    for (const std::string& name : used_) known += (known.empty() ? "" : ", ") + name;
    fail(node_->key_mark(key), "`{}` has no argument `{}` here (it takes: {})", what_, key, known);
  }
}

void Arguments::reject(const Node& node, std::string_view key, const std::string& words) const {
  fail(node.mark, "`{}: {}` is not known to `{}` (one of: {})", key, word_of(node), what_, words);
}

}  // namespace hypervet::program
