// SPDX-License-Identifier: Apache-2.0
// A piece of YAML with its marks kept: what steps, expectations and rules are made of until a program is compiled from
// them. Plain values, immutable after loading, shared freely between threads.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/spec/diagnostic.h"

namespace hypervet::spec {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  Mark mark;
  std::string scalar;   // kScalar
  bool quoted = false;  // kScalar: written in quotes, so never a number or a name
  std::vector<Node> items;                            // kList
  std::vector<std::pair<std::string, Node>> entries;  // kMap, in the order of the file, keys unique
  std::vector<Mark> key_marks;                        // kMap: where each key stands

  // The entry's value; nullptr if there is none or this is no map.
  const Node* find(std::string_view key) const;
};

}  // namespace hypervet::spec
