// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/node_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backends/yaml/reader.h"

namespace hypervet::yaml {
namespace {

// YAML 1.2, 10.2.1.1 (Null).
bool means_null(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
  return std::ranges::find(kNulls, text) != kNulls.end();
}

GaveUp too_deep(const Mark& mark) {
  return {mark, fmt::format("lists and maps are nested deeper than {} levels", kMaxDepth)};
}

}  // namespace

std::optional<Mark> NodeBuilder::innermost() const {
  return open_.empty() ? std::nullopt : std::optional(open_.back().whole.node.mark);
}

void NodeBuilder::begin(const Mark& mark) {
  root_ = Node{};
  root_.mark = mark;
  open_.clear();
  anchors_.clear();
}

Node NodeBuilder::take() { return std::exchange(root_, Node{}); }

void NodeBuilder::scalar(const Mark& mark, const Properties& properties, std::string_view text,
                         bool quoted) {
  refuse_tag(properties.tag, mark);
  if (text.size() > kMaxScalar)
    throw GaveUp{mark, fmt::format("the value is longer than {} bytes", kMaxScalar)};
  count(1, mark);
  Weighed done;
  done.node.mark = mark;
  if (quoted || !means_null(text)) {
    done.node.kind = Node::Kind::kScalar;
    done.node.quoted = quoted;
    done.node.scalar = text;
  }
  finish(std::move(done), properties.anchor);
}

void NodeBuilder::open(Node::Kind kind, const Mark& mark, const Properties& properties) {
  refuse_tag(properties.tag, mark);
  if (open_.size() == kMaxDepth) throw too_deep(mark);
  if (!open_.empty() && open_.back().whole.node.is_map() && !open_.back().has_key)
    throw GaveUp{mark, "a key is a single word, not a list or a map"};
  count(1, mark);
  Open& fresh = open_.emplace_back();
  fresh.whole.node.kind = kind;
  fresh.whole.node.mark = mark;
  fresh.whole.depth = 1;
  fresh.anchor = properties.anchor;
}

void NodeBuilder::close() {
  Open done = std::move(open_.back());
  open_.pop_back();
  finish(std::move(done.whole), done.anchor);
}

void NodeBuilder::alias(const Mark& mark, std::string_view anchor) {
  if (std::ranges::find(open_, anchor, &Open::anchor) != open_.end())
    throw GaveUp{mark, "the alias stands inside what it names"};
  const auto found = anchors_.find(std::string(anchor));
  if (found == anchors_.end())
    throw GaveUp{mark, fmt::format("nothing above is named {}", quote("&" + std::string(anchor)))};
  if (open_.size() + found->second.depth > kMaxDepth) throw too_deep(mark);
  count(found->second.nodes, mark);
  add(found->second, mark);
}

void NodeBuilder::count(std::size_t nodes, const Mark& mark) {
  nodes_ += nodes;
  if (nodes_ > kMaxNodes) {
    throw GaveUp{mark,
                 fmt::format("the file holds more than {} values, aliases written out", kMaxNodes)};
  }
}

// A tag is never wanted, and is mostly a text that begins with '!'.
void NodeBuilder::refuse_tag(std::string_view tag, const Mark& mark) {
  if (tag.empty()) return;
  problems_.add(mark, fmt::format("{} is a YAML tag here; a text that begins with '!' is "
                                  "written in quotes",
                                  quote(tag)));
}

void NodeBuilder::finish(Weighed done, std::string_view anchor) {
  if (!anchor.empty()) {
    count(done.nodes, done.node.mark);  // the copy that aliases are made from
    anchors_.insert_or_assign(std::string(anchor), done);
  }
  const Mark mark = done.node.mark;
  add(std::move(done), mark);
}

void NodeBuilder::add(Weighed part, const Mark& mark) {
  if (open_.empty()) {
    root_ = std::move(part.node);
    return;
  }
  Open& parent = open_.back();
  parent.whole.nodes += part.nodes;
  parent.whole.depth = std::max(parent.whole.depth, part.depth + 1);
  Node& node = parent.whole.node;
  if (node.is_list()) {
    node.items.push_back(std::move(part.node));
  } else if (!parent.has_key) {
    add_key(parent, part.node, mark);
  } else {
    parent.has_key = false;
    if (parent.drop) return;
    node.entries.emplace_back(std::move(parent.key), std::move(part.node));
    node.key_marks.push_back(parent.key_mark);
  }
}

// Most maps have few keys, for which looking through them is faster than a table.
std::optional<unsigned> NodeBuilder::earlier(Open& parent, const std::string& key) {
  constexpr std::size_t kFew = 16;
  const Node& node = parent.whole.node;
  if (node.entries.size() < kFew)
    return node.find(key) == nullptr ? std::nullopt : std::optional(node.key_mark(key).line);
  for (std::size_t i = parent.keys.size(); i < node.entries.size(); ++i)
    parent.keys.emplace(node.entries[i].first, node.key_marks[i].line);
  const auto found = parent.keys.find(key);
  return found == parent.keys.end() ? std::nullopt : std::optional(found->second);
}

void NodeBuilder::add_key(Open& parent, Node& key, const Mark& mark) {
  parent.has_key = true;
  parent.drop = false;
  parent.key_mark = mark;
  if (!key.is_scalar() || key.scalar.empty()) {
    problems_.add(mark, "a key is missing before this ':'");
    parent.drop = true;
    return;
  }
  if (const auto line = earlier(parent, key.scalar)) {
    problems_.add(
        mark, fmt::format("the key {} appears twice (first in line {})", quote(key.scalar), *line));
    parent.drop = true;
    return;
  }
  parent.key = std::move(key.scalar);
}

}  // namespace hypervet::yaml
