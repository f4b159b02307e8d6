// SPDX-License-Identifier: Apache-2.0
// Violations against the table of seams.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "backends/violations/vocabulary.h"
#include "harness/spec/fields.h"
#include "harness/spec/lint_parts.h"
#include "harness/spec/names.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

// Names of a rule that are no constants, with the place of the first use of each.
using Wanted = std::map<std::string, Mark>;

void collect(const Expression& expression, const Interface& interface, const Node& node,
             Wanted& wanted, Problems& problems) {
  bool constant = true;
  for (const Use& use : expression.uses()) {
    const bool machine = use.name == "apic-id" || use.name == "phys";
    if (use.is_function ? machine : !interface.constants.contains(use.name)) constant = false;
    if (!use.is_function && !interface.constants.contains(use.name))
      wanted.emplace(use.name, use.mark);
  }
  if (!constant) return;
  const auto value = expression.evaluate(Names(interface.constants));
  if (!value) {
    problems.add(value.error());
  } else if (value->is_list) {
    problems.add(node.mark, "a violation takes one number, not a list");
  }
}

void check_value(const violations::Key& key, const Node& node, const Interface& interface,
                 Wanted& wanted, Problems& problems) {
  if (!node.is_scalar() || node.scalar.empty()) {
    problems.add(node.mark, fmt::format("{} is a single value, not {}", key.name, kind_name(node)));
    return;
  }
  if (violations::takes_word(key, node.scalar)) return;
  if (!key.number) {
    read_word(node, key.name, split_words(key.words), problems);
    return;
  }
  const auto expression = Expression::parse(node);
  if (!expression) {
    problems.add(expression.error());
    return;
  }
  collect(*expression, interface, node, wanted, problems);
}

void check_names(const Wanted& wanted, const Interface& interface, std::span<const Scope> scopes,
                 Problems& problems) {
  bool each_known = true;
  for (const auto& [name, mark] : wanted) {
    if (std::ranges::any_of(scopes, [&name](const Scope& scope) { return scope.is_known(name); }))
      continue;
    each_known = false;
    std::vector<std::string_view> known;
    for (const auto& [constant, value] : interface.constants) known.push_back(constant);
    problems.add(mark, fmt::format("no case of the clause has the name {}{}", quote(name),
                                   did_you_mean(name, known)));
  }
  const bool together =
      wanted.empty() || std::ranges::any_of(scopes, [&wanted](const Scope& scope) {
        return std::ranges::all_of(
            wanted, [&scope](const auto& each) { return scope.is_known(each.first); });
      });
  if (each_known && !together) {
    problems.add(wanted.begin()->second,
                 "no case of the clause has all the names of this violation");
  }
}

}  // namespace

void lint_violation(const Interface& interface, const Violation& violation,
                    std::span<const Scope> scopes, Problems& problems) {
  const Node& rule = violation.rule;
  const Node* at = require(rule, "at", "a violation", problems);
  if (at == nullptr) return;
  std::vector<std::string_view> seam_names;
  for (const violations::SeamEntry& each : violations::seams()) seam_names.push_back(each.name);
  const auto seam_index = read_word(*at, "at", seam_names, problems);
  if (!seam_index) return;
  const violations::SeamEntry& seam = violations::seams()[*seam_index];

  std::vector<std::string_view> key_names = {"at"};
  for (const violations::Key& key : seam.keys) key_names.push_back(key.name);
  check_map(rule, fmt::format("a violation at {}", seam.name), key_names, problems);
  bool effect = false;
  Wanted wanted;
  for (const auto& [name, value] : rule.entries) {
    const violations::Key* key = violations::find_key(seam, name);
    if (key == nullptr) {
      effect = effect || name != "at";  // an unknown key is enough of a problem
      continue;
    }
    effect = effect || key->role == violations::KeyRole::kEffect;
    check_value(*key, value, interface, wanted, problems);
  }
  if (!effect) {
    problems.add(violation.mark, fmt::format("the violation {} has conditions but no effect",
                                             quote(violation.name)));
  }
  check_names(wanted, interface, scopes, problems);
}

}  // namespace hypervet::spec
