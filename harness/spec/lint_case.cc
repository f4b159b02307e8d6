// SPDX-License-Identifier: Apache-2.0
// The steps of a case: verbs, keys, types, names, places.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/program.h"
#include "guest-payloads/protocol/scenarios.h"
#include "guest-payloads/protocol/virtio.h"
#include "harness/spec/fields.h"
#include "harness/spec/lint_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

// Where a step stands.
struct Around {
  bool handler = false;
  bool on = false;
  unsigned depth = 0;
};

// The host verbs or scenarios as one shape.
struct Callee {
  std::string_view name;
  std::vector<std::string_view> arguments;
  std::vector<std::string_view> results;
};

std::vector<std::string_view> filled(std::span<const std::string_view> names) {
  std::vector<std::string_view> found;
  std::ranges::copy_if(names, std::back_inserter(found),
                       [](std::string_view each) { return !each.empty(); });
  return found;
}

const std::vector<Callee>& host_callees() {
  static const std::vector<Callee> all = [] {
    std::vector<Callee> made;
    for (const auto& each : protocol::kHostVerbs)
      made.push_back({each.name, filled(each.arguments), {}});
    return made;
  }();
  return all;
}

const std::vector<Callee>& scenario_callees() {
  static const std::vector<Callee> all = [] {
    std::vector<Callee> made;
    for (const auto& each : protocol::kScenarios) {
      made.push_back({each.name, filled(each.arguments), filled(each.results)});
    }
    return made;
  }();
  return all;
}

template <typename Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& each : table) names.push_back(each.name);
  return names;
}

class CaseLint {
 public:
  CaseLint(const Interface& interface, const Case& a_case, Problems& problems)
      : interface_(interface), case_(a_case), scope_(interface, a_case), problems_(problems) {}

  void steps(const std::vector<Step>& list, const Around& around) {
    for (const Step& each : list) step(each, around);
  }
  Scope take() { return std::move(scope_); }

 private:
  void step(const Step& step, const Around& around);
  void place(const Verb& verb, const Step& step, const Around& around);
  void keys(const Verb& verb, const Step& step);
  void value(const VerbKey& key, const Node& node);
  void known(const VerbKey& key, const Node& node);
  void words(const VerbKey& key, const Node& node);
  void structure(const Node& node);
  void inputs(const VerbKey& key, const Node& node);
  void interrupts(const Node& node);
  void bits(const VerbKey& key, const Node& node);
  const Callee* callee(const Verb& verb, const Step& step, const std::vector<Callee>& table);
  void names(const Verb& verb, const Step& step, const std::vector<std::string>& fields);
  std::vector<std::string> fields(const Verb& verb, const Step& step, const Callee* called) const;
  void check(const Node& node, Wants wants, const Bounds& bounds) {
    scope_.check(node, wants, bounds, problems_);
  }

  const Interface& interface_;
  const Case& case_;
  Scope scope_;
  Problems& problems_;
};

void CaseLint::step(const Step& step, const Around& around) {
  const Verb* verb = find_verb(step.verb);
  if (verb == nullptr) {
    std::vector<std::string_view> known;
    for (const Verb& each : verbs()) known.push_back(each.name);
    problems_.add(step.mark, fmt::format("unknown step {}{}", quote(step.verb),
                                         did_you_mean(step.verb, known)));
    return;
  }
  place(*verb, step, around);
  const Callee* called = nullptr;
  if (verb->name == "host") {
    called = callee(*verb, step, host_callees());
  } else if (verb->name == "scenario") {
    called = callee(*verb, step, scenario_callees());
  } else {
    keys(*verb, step);
    lint_forms(*verb, step, scope_, problems_);
  }
  const std::vector<std::string> observed = fields(*verb, step, called);
  names(*verb, step, observed);
  if (step.expect) lint_expect(*step.expect, {*verb, observed, scope_}, problems_);
  if (step.block.empty()) return;
  Around inside = around;
  inside.depth += 1;
  inside.handler = inside.handler || verb->name == "handler";
  inside.on = inside.on || verb->name == "on";
  if (inside.depth == protocol::kMaxNesting + 1) {
    problems_.add(step.mark,
                  fmt::format("blocks are nested deeper than {}", protocol::kMaxNesting));
  }
  steps(step.block, inside);
}

void CaseLint::place(const Verb& verb, const Step& step, const Around& around) {
  if (around.handler && verb.place != Place::kAnywhere) {
    problems_.add(step.mark, fmt::format("'{}' cannot stand in a handler", verb.name));
  } else if (around.on && verb.place == Place::kProgram) {
    problems_.add(step.mark,
                  fmt::format("'{}' cannot stand in the steps of another CPU", verb.name));
  }
}

void CaseLint::keys(const Verb& verb, const Step& step) {
  const Node& arguments = step.arguments;
  const std::vector<const VerbKey*> known_keys = keys_of(verb);
  std::vector<std::string_view> names;
  for (const VerbKey* key : known_keys) names.push_back(key->name);
  if (arguments.is_scalar() && !verb.sole.empty()) {
    value(*find_key(verb, verb.sole), arguments);
    return;
  }
  const bool nothing = arguments.is_null();
  if (!nothing && !check_map(arguments, fmt::format("'{}'", verb.name), names, problems_)) return;
  for (const VerbKey* key : known_keys) {
    const Node* found = optional(arguments, key->name);
    if (found != nullptr) {
      value(*key, *found);
    } else if (key->required) {
      problems_.add(step.mark, fmt::format("'{}' needs '{}:'", verb.name, key->name));
    }
  }
}

void CaseLint::value(const VerbKey& key, const Node& node) {
  switch (key.type) {
    case KeyType::kInput:
    case KeyType::kDuration:
      return check(node, Wants::kInput, {key.name, key.least, key.most});
    case KeyType::kInputs:
      return inputs(key, node);
    case KeyType::kKnown:
      return known(key, node);
    case KeyType::kExpression:
      return check(node, Wants::kAny, {});
    case KeyType::kWord:
      read_word(node, key.name, split_words(key.words), problems_);
      return;
    case KeyType::kWords:
      return words(key, node);
    case KeyType::kText:
      read_text(node, key.name, problems_);
      return;
    case KeyType::kStructure:
      return structure(node);
    case KeyType::kInterrupts:
      return interrupts(node);
    case KeyType::kRegister:
      read_word(node, key.name, names_of(protocol::kVirtioRegisters), problems_);
      return;
    case KeyType::kRegion:
      read_word(node, key.name, names_of(protocol::kVirtioRegions), problems_);
      return;
    case KeyType::kBits:
      return bits(key, node);
    case KeyType::kParts:
      if (!node.is_list())
        problems_.add(node.mark,
                      fmt::format("{} is a list of parts, not {}", key.name, kind_name(node)));
      return;
    case KeyType::kQueues:
    case KeyType::kTable:
      if (!node.is_map())
        problems_.add(node.mark,
                      fmt::format("{} is a map by number, not {}", key.name, kind_name(node)));
      return;
    case KeyType::kPlace:
    case KeyType::kSource:
    case KeyType::kUsed:
    case KeyType::kChain:
      if (!node.is_scalar())
        problems_.add(node.mark, fmt::format("{} is one word, not {}", key.name, kind_name(node)));
      return;
    case KeyType::kName:   // names() defines it
    case KeyType::kSteps:  // the block is walked
    case KeyType::kArguments:
    case KeyType::kNothing:
      return;
  }
}

void CaseLint::known(const VerbKey& key, const Node& node) {
  const auto words = split_words(key.words);
  if (node.is_scalar() && std::ranges::find(words, node.scalar) != words.end()) return;
  const bool is_cpu = key.most == protocol::kMaxCpus - 1 && (key.name == "cpu" || key.name == "to");
  check(node, Wants::kKnown, {key.name, key.least, is_cpu ? case_.machine.cpus - 1 : key.most});
}

void CaseLint::words(const VerbKey& key, const Node& node) {
  if (!node.is_list()) {
    problems_.add(node.mark, fmt::format("{} is a list, not {}", key.name, kind_name(node)));
    return;
  }
  const auto known = split_words(key.words);
  for (const Node& each : node.items) read_word(each, key.name, known, problems_);
}

void CaseLint::structure(const Node& node) {
  const auto name = read_text(node, "struct", problems_);
  if (!name || interface_.structures.contains(*name)) return;
  std::vector<std::string_view> known;
  for (const auto& [each, structure] : interface_.structures) known.push_back(each);
  problems_.add(node.mark,
                fmt::format("unknown structure {}{}", quote(*name), did_you_mean(*name, known)));
}

void CaseLint::inputs(const VerbKey& key, const Node& node) {
  if (!node.is_list()) {
    problems_.add(node.mark, fmt::format("{} is a list, not {}", key.name, kind_name(node)));
    return;
  }
  if (node.items.size() > key.most) {
    problems_.add(node.items[key.most].mark,
                  fmt::format("{} takes at most {}", key.name, key.most));
  }
  for (const Node& each : node.items) check(each, Wants::kInput, {key.name});
}

void CaseLint::interrupts(const Node& node) {
  static constexpr std::array<std::string_view, 3> kKeys = {"vector", "count", "cpu"};
  if (!check_map(node, "interrupts", kKeys, problems_)) return;
  if (const Node* vector = require(node, "vector", "interrupts", problems_)) {
    check(*vector, Wants::kKnown, {"vector", 0, 255});
  }
  if (const Node* count = optional(node, "count")) check(*count, Wants::kInput, {"count"});
  if (const Node* cpu = optional(node, "cpu"))
    check(*cpu, Wants::kKnown, {"cpu", 0, case_.machine.cpus - 1});
}

void CaseLint::bits(const VerbKey& key, const Node& node) {
  if (!node.is_list()) {
    problems_.add(node.mark, fmt::format("{} is a list, not {}", key.name, kind_name(node)));
    return;
  }
  for (const Node& each : node.items) check(each, Wants::kKnown, {"a feature bit", 0, 63});
}

// `host: {page-out: {page: area}}`: one name of the table with its arguments.
const Callee* CaseLint::callee(const Verb& verb, const Step& step,
                               const std::vector<Callee>& table) {
  const Node& node = step.arguments;
  const bool bare = node.is_scalar() && !verb.sole.empty();
  std::vector<std::pair<std::string, Mark>> called;
  if (bare) called.emplace_back(node.scalar, node.mark);
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    if (node.entries[i].first != "as")
      called.emplace_back(node.entries[i].first, node.key_marks[i]);
  }
  if (called.size() != 1) {
    problems_.add(called.empty() ? step.mark : called[1].second,
                  fmt::format("'{}' takes one name with its arguments in braces", verb.name));
    return nullptr;
  }
  const auto& [name, mark] = called[0];
  const auto found = std::ranges::find(table, name, &Callee::name);
  if (found == table.end()) {
    std::vector<std::string_view> known;
    for (const Callee& each : table) known.push_back(each.name);
    problems_.add(mark,
                  fmt::format("unknown {} {}{}", verb.name == "host" ? "host verb" : "scenario",
                              quote(name), did_you_mean(name, known)));
    return nullptr;
  }
  static const Node nothing;
  const Node& arguments = bare ? nothing : *node.find(name);
  if (!arguments.is_null() &&
      !check_map(arguments, fmt::format("'{}'", name), found->arguments, problems_)) {
    return &*found;
  }
  for (const std::string_view argument : found->arguments) {
    if (const Node* given = optional(arguments, argument)) {
      check(*given, Wants::kInput, {argument});
    } else {
      problems_.add(mark, fmt::format("'{}' needs '{}:'", name, argument));
    }
  }
  return &*found;
}

std::vector<std::string> CaseLint::fields(const Verb& verb, const Step& step,
                                          const Callee* called) const {
  std::vector<std::string> found;
  if (called != nullptr) found.assign(called->results.begin(), called->results.end());
  // An APIC register that is written is not observed.
  if (verb.name == "apic" && step.arguments.find("write") != nullptr) return found;
  if (const Node* name = step.arguments.find("struct"); name != nullptr && name->is_scalar()) {
    const auto structure = interface_.structures.find(name->scalar);
    if (structure != interface_.structures.end()) {
      for (const StructureField& field : structure->second.fields) found.push_back(field.name);
    }
  }
  for (const std::string_view field : fields_of(verb)) found.emplace_back(field);
  return found;
}

void CaseLint::names(const Verb& verb, const Step& step, const std::vector<std::string>& observed) {
  if (verb.name == "bring-up" || verb.name == "queue-setup") scope_.add_queues();
  const Node* name = optional(step.arguments, "as");
  if (name == nullptr) return;
  if (!name->is_scalar()) {
    problems_.add(name->mark, fmt::format("a name is one word, not {}", kind_name(*name)));
    return;
  }
  if (verb.name == "chain" || verb.name == "good-request") {
    scope_.add_group(name->scalar, name->mark, problems_);
    return;
  }
  if (verb.name == "alloc" || verb.name == "map" || verb.name == "indirect") {
    const bool again = verb.name == "map" && scope_.is_address(name->scalar);
    if (!again) scope_.add_address(name->scalar, name->mark, problems_);
    return;
  }
  if (!verb.named) return;  // keys() said that it takes no name
  const bool structured = step.arguments.find("struct") != nullptr;
  const bool input =
      verb.input && !(verb.name == "apic" && step.arguments.find("write") != nullptr);
  scope_.add_observed(name->scalar, name->mark,
                      {step.verb, observed, structured ? "" : std::string(verb.primary), input},
                      problems_);
}

}  // namespace

Scope lint_case(const Interface& interface, const Case& a_case, Problems& problems) {
  CaseLint lint(interface, a_case, problems);
  lint.steps(a_case.steps, {});
  return lint.take();
}

}  // namespace hypervet::spec
