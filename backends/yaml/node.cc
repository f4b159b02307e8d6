// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/node.h"

#include <algorithm>

namespace hypervet::yaml {
namespace {

template <typename Entries>
auto find_entry(Entries& entries, std::string_view key) {
  return std::ranges::find_if(entries, [key](const auto& entry) { return entry.first == key; });
}

}  // namespace

Node::Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

const Node* Node::find(std::string_view key) const {
  const auto found = find_entry(entries, key);
  return found == entries.end() ? nullptr : &found->second;
}

Node* Node::find(std::string_view key) {
  const auto found = find_entry(entries, key);
  return found == entries.end() ? nullptr : &found->second;
}

const Mark& Node::key_mark(std::string_view key) const {
  const auto found = find_entry(entries, key);
  if (found == entries.end()) return mark;
  return key_marks[static_cast<std::size_t>(found - entries.begin())];
}

Mark Node::text_mark() const {
  Mark place = mark;
  if (!quoted || !mark.file || mark.column == 0) return place;
  const std::string_view line = mark.file->line(mark.line);
  const std::size_t at = mark.column - 1;
  if (at < line.size() && (line[at] == '"' || line[at] == '\'')) ++place.column;
  return place;
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace hypervet::yaml
