// SPDX-License-Identifier: Apache-2.0
// The names that a case's expressions may use at one point of it, and the check of an expression
// against them. Internal to lint; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/clause.h"
#include "harness/spec/expression.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

// What a step with `as:` left behind.
struct Observed {
  std::string verb;
  std::vector<std::string> fields;
  std::string primary;  // what the bare name stands for; "": nothing
  bool input = false;   // the primary field can be an input of a later step
};

// How much an expression may use.
enum class Wants {
  kKnown,  // what is known before the run
  kInput,  // that, or one observed value plus a constant
  kAny,    // everything observed so far
};

// What an expression's value must be, where it can be known.
struct Bounds {
  std::string_view what;
  std::uint64_t least = 0;
  std::uint64_t most = ~std::uint64_t{0};
};

class Scope {
 public:
  Scope(const Interface& interface, const Case& a_case);

  // False and a problem: the name is taken, or cannot be one.
  bool add_address(const std::string& name, const Mark& mark, Problems& problems);
  bool add_observed(const std::string& name, const Mark& mark, Observed observed,
                    Problems& problems);
  // Every `NAME.something` is an address from here on; which there are, the compiler says.
  bool add_group(const std::string& name, const Mark& mark, Problems& problems);
  // `queue.N.desc` and its like.
  void add_queues() { groups_.insert("queue"); }
  bool is_address(std::string_view name) const { return addresses_.contains(name); }
  // Constants, parameters and addresses: what a violation may use.
  bool is_known(std::string_view name) const;

  // Parses the node as an expression and checks its names, its form and, where known, its values.
  void check(const Node& node, Wants wants, const Bounds& bounds, Problems& problems) const;
  // The value if it is the same in every instance of the case.
  std::optional<std::uint64_t> constant(const Node& node) const;

 private:
  enum class Kind { kUnknown, kKnown, kAddress, kObserved };
  struct Found {
    Kind kind = Kind::kUnknown;
    const Observed* observed = nullptr;
    std::string_view field;  // behind the name of what was observed
  };

  Found find(std::string_view name) const;
  bool define(const std::string& name, const Mark& mark, Problems& problems) const;
  bool check_use(const Use& use, Wants wants, Problems& problems) const;
  void check_field(const Use& use, const Found& found, Wants wants, Problems& problems) const;
  void report_unknown(const Use& use, Problems& problems) const;
  void check_values(const Expression& expression, const Node& node, const Bounds& bounds,
                    Problems& problems) const;
  bool check_value(const Expression& expression, const Environment& names, const Node& node,
                   const Bounds& bounds, Problems& problems) const;
  const std::vector<std::uint64_t>* parameter(std::string_view name) const;

  const Interface& interface_;
  const Case& case_;
  std::map<std::string, Mark, std::less<>> addresses_;
  std::map<std::string, Observed, std::less<>> observed_;
  std::set<std::string, std::less<>> groups_;
};

}  // namespace hypervet::spec
