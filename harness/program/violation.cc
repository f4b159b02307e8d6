// SPDX-License-Identifier: Apache-2.0
#include "harness/program/violation.h"

#include "backends/violations/vocabulary.h"
#include "harness/program/arguments.h"
#include "harness/program/failure.h"
#include "harness/program/names.h"

namespace hypervet::program {
namespace {

using spec::Node;
using violations::Key;
using violations::Rule;

// The case lacks a name that the rule uses.
struct NotInThisCase {};

violations::Value value_of(const Key& key, const Node& node, const KnownNames& names) {
  if (takes_word(key, word_of(node))) return word_of(node);
  if (!key.number) fail(node.mark, "`{}` takes one of: {}", key.name, key.words);
  const spec::Expression expression = expression_of(node);
  for (const spec::Use& use : expression.uses())
    if (!use.is_function && !names.lookup(use.name)) throw NotInThisCase{};
  const spec::Number value = take(expression.evaluate(names));
  if (value.is_list) fail(node.mark, "`{}` is one number, not a list", key.name);
  return value.value;
}

Rule rule_of(const spec::Violation& violation, const KnownNames& names) {
  Arguments arguments(violation.rule, violation.mark, violation.name);
  const Node& at = arguments.need("at");
  const violations::SeamEntry* seam = violations::find_seam(word_of(at));
  if (seam == nullptr) {
    std::string known;
    for (const auto& each : violations::seams())
      known += (known.empty() ? "" : ", ") + std::string(each.name);
    fail(at.mark, "no seam is called `{}` (there are: {})", word_of(at), known);
  }
  Rule rule;
  rule.at = seam->seam;
  bool elsewhere = false;  // the rest is still checked
  for (const Key& key : seam->keys) {
    const Node* node = arguments.find(key.name);
    if (node == nullptr) continue;
    try {
      auto& into = key.role == violations::KeyRole::kCondition ? rule.conditions : rule.effects;
      into[std::string(key.name)] = value_of(key, *node, names);
    } catch (const NotInThisCase&) {
      elsewhere = true;
    }
  }
  arguments.finish();
  if (elsewhere) throw NotInThisCase{};
  if (rule.effects.empty())
    fail(violation.mark, "`{}` says where, but not what happens", violation.name);
  return rule;
}

}  // namespace

std::expected<std::optional<Rule>, spec::Diagnostic> bind(const spec::Violation& violation,
                                                          const spec::Interface& an_interface,
                                                          const CompiledCase& compiled) {
  try {
    SymbolTable symbols = compiled.symbols;
    for (const auto& [name, value] : an_interface.constants)
      symbols.try_emplace(name, Symbol{Symbol::Kind::kConstant, value, {}});
    return rule_of(violation, KnownNames(symbols, compiled.window));
  } catch (const NotInThisCase&) {
    return std::optional<Rule>();
  } catch (const Failure& failure) {
    return std::unexpected(failure.diagnostic);
  }
}

}  // namespace hypervet::program
