// SPDX-License-Identifier: Apache-2.0
// The arguments of one step while it is compiled: each key is asked for by name, and a key that
// nobody asked for is an error. Lives on the stack of one compilation; every member throws Failure
// at the place of what is wrong.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "harness/spec/clause.h"
#include "harness/spec/expression.h"
#include "harness/spec/yaml.h"

namespace hypervet::program {

// The expression that a scalar holds.
spec::Expression expression_of(const spec::Node& node);
// The word that a scalar holds.
const std::string& word_of(const spec::Node& node);

class Arguments {
 public:
  // `sole`: the key that a bare scalar after the verb stands for ("settle: 5ms"); "": none.
  Arguments(const spec::Node& node, const spec::Mark& mark, std::string what,
            std::string_view sole = {});
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  const spec::Node* find(std::string_view key);
  const spec::Node& need(std::string_view key);
  // The number paired with the word at `key`, or `otherwise` without one.
  template <typename T>
  T choose(std::string_view key, T otherwise,
           std::initializer_list<std::pair<std::string_view, T>> words) {
    const spec::Node* node = find(key);
    if (node == nullptr) return otherwise;
    for (const auto& [word, value] : words)
      if (word_of(*node) == word) return value;
    std::string list;
    for (const auto& [word, value] : words) list += (list.empty() ? "" : ", ") + std::string(word);
    reject(*node, key, list);
  }
  // Fails when a key was never asked for.
  void finish() const;

  const spec::Mark& mark() const { return mark_; }
  const std::string& what() const { return what_; }

 private:
  [[noreturn]] void reject(const spec::Node& node, std::string_view key,
                           const std::string& words) const;

  spec::Node own_;  // of a bare scalar
  const spec::Node* node_;
  spec::Mark mark_;
  std::string what_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace hypervet::program
