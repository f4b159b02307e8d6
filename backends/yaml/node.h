// SPDX-License-Identifier: Apache-2.0
// A piece of YAML with its marks kept. Plain values, immutable after loading, shared freely between
// threads.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/yaml/diagnostic.h"

namespace hypervet::yaml {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };

  // Out of line: inside the class a pair that holds a Node is not complete yet.
  Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  Kind kind = Kind::kNull;
  Mark mark;
  std::string scalar;       // kScalar
  bool quoted = false;      // kScalar: written in quotes; says nothing about what it means
  std::vector<Node> items;  // kList
  std::vector<std::pair<std::string, Node>> entries;  // kMap, in the order of the file, keys unique
  std::vector<Mark> key_marks;                        // kMap: where each key stands

  // The entry's value; nullptr if there is none or this is no map.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  // Where that key stands; the map itself if it has no such key.
  const Mark& key_mark(std::string_view key) const;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // A scalar with exactly this text.
  bool is(std::string_view word) const { return is_scalar() && scalar == word; }

  // Where the scalar's text begins: behind the quote, if there is one.
  Mark text_mark() const;
};

// "a single value", "a list", "a map", "nothing": what the node is, for messages.
std::string_view kind_name(const Node& node);

}  // namespace hypervet::yaml
