// SPDX-License-Identifier: Apache-2.0
// Builds one document's nodes from a YAML parser's events, with every limit that hostile input
// calls for. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/yaml/diagnostic.h"
#include "backends/yaml/node.h"

namespace hypervet::yaml {

// Thrown to end a file that goes beyond a limit or that nothing can be made of.
struct GaveUp {
  Mark mark;
  std::string message;
};

// Call begin(), then a call for each event, then take(). Limits and repeated keys are seen here;
// that starts and ends match is the parser's to see. What is wrong with a single node goes to the
// problems, what leaves no way on is thrown as GaveUp.
class NodeBuilder {
 public:
  // What a node says of itself beside its content; both empty where the text has none.
  struct Properties {
    std::string_view tag;
    std::string_view anchor;
  };

  explicit NodeBuilder(Problems& problems) : problems_(problems) {}

  void begin(const Mark& mark);
  void scalar(const Mark& mark, const Properties& properties, std::string_view text, bool quoted);
  void open(Node::Kind kind, const Mark& mark, const Properties& properties);
  void close();
  void alias(const Mark& mark, std::string_view anchor);
  // The document that was just built.
  Node take();

  // Where the innermost list or map begins whose end has not been seen.
  std::optional<Mark> innermost() const;

 private:
  // A node with how much it holds: what aliases cost when they are written out.
  struct Weighed {
    Node node;
    std::size_t nodes = 1;  // in it, with itself
    std::size_t depth = 0;  // levels in it, with itself
  };
  // A list or map whose end has not been seen.
  struct Open {
    Weighed whole;
    std::string anchor;
    bool has_key = false;  // a map: the key was seen, the value is next
    bool drop = false;     // the key is not to be kept
    std::string key;
    Mark key_mark;
    std::unordered_map<std::string, unsigned> keys;  // line of each, once there are many
  };

  void count(std::size_t nodes, const Mark& mark);
  void refuse_tag(std::string_view tag, const Mark& mark);
  void finish(Weighed done, std::string_view anchor);
  void add(Weighed part, const Mark& mark);
  void add_key(Open& parent, Node& key, const Mark& mark);
  // The line in which the map has that key already.
  static std::optional<unsigned> earlier(Open& parent, const std::string& key);

  Problems& problems_;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<std::string, Weighed> anchors_;
  std::size_t nodes_ = 0;
};

}  // namespace hypervet::yaml
