// SPDX-License-Identifier: Apache-2.0
// A clause with its cases and violations.
#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "harness/spec/load_parts.h"

namespace hypervet::spec {
namespace {

constexpr std::array<std::string_view, 3> kLevels = {"must", "should", "may"};

void load_id(const Node& node, Clause& clause, Loading& loading) {
  const auto id = read_text(node, "id", loading.problems);
  if (!id) return;
  clause.id = *id;
  clause.mark = node.mark;
  if (!is_id(*id)) {
    loading.problems.add(
        node.mark,
        fmt::format("{} is not an id: lower-case words joined by '.' or '-'", quote(*id)));
    return;
  }
  if (!loading.interface.id.empty() && !id->starts_with(loading.interface.id + ".")) {
    loading.problems.add(node.mark, fmt::format("the id of a clause of {} begins with '{}.'",
                                                loading.interface.id, loading.interface.id));
  }
  const auto [first, fresh] = loading.seen.clauses.emplace(*id, node.mark);
  if (!fresh) loading.problems.add(node.mark, already("clause", *id, first->second));
}

void load_cases(Node node, Clause& clause, const CaseDefaults& defaults, Loading& loading) {
  if (!node.is_list()) {
    loading.problems.add(node.mark, fmt::format("cases is a list, not {}", kind_name(node)));
    return;
  }
  std::map<std::string, Mark> names;
  const bool one = node.items.size() == 1;
  for (Node& each : node.items) {
    const Mark mark = each.find("name") != nullptr ? each.find("name")->mark : each.mark;
    Case a_case = load_case(std::move(each), defaults, loading);
    if (a_case.name.empty() && !one) {
      loading.problems.add(mark, "a case needs 'name:' where the clause has several");
    } else if (const auto [first, fresh] = names.emplace(a_case.name, mark); !fresh) {
      loading.problems.add(mark, already("case", a_case.name, first->second));
    }
    clause.cases.push_back(std::move(a_case));
  }
}

void load_violations(Node node, Clause& clause, Loading& loading) {
  if (!node.is_list()) {
    loading.problems.add(
        node.mark,
        fmt::format("violations is a list of 'name: {{at: ...}}', not {}", kind_name(node)));
    return;
  }
  std::map<std::string, Mark> names;
  for (Node& each : node.items) {
    if (!each.is_map() || each.entries.size() != 1) {
      loading.problems.add(each.mark, "a violation is 'name: {at: ...}', one to a list item");
      continue;
    }
    const Mark& mark = each.key_marks[0];
    auto& [name, rule] = each.entries[0];
    if (!is_title(name)) {
      loading.problems.add(
          mark,
          "a violation's name is one line of at most 100 characters without '/', '[' and ']'");
    }
    const auto [first, fresh] = names.emplace(name, mark);
    if (!fresh) loading.problems.add(mark, already("violation", name, first->second));
    if (!rule.is_map()) {
      loading.problems.add(
          rule.mark, fmt::format("the rule of a violation is a map, not {}", kind_name(rule)));
      continue;
    }
    clause.violations.push_back({std::move(name), std::move(rule), mark});
  }
}

}  // namespace

void load_clause(Node node, const MachineRequest& machine,
                 const std::vector<std::string>& requires_, Loading& loading) {
  static constexpr std::array<std::string_view, 11> kKeys = {
      "id",      "level",    "section", "text",       "hostile",   "on",
      "machine", "requires", "cases",   "violations", "untestable"};
  Problems& problems = loading.problems;
  Clause clause;
  clause.mark = node.mark;
  if (!check_map(node, "a clause", kKeys, problems)) return;
  if (const Node* id = require(node, "id", "a clause", problems)) load_id(*id, clause, loading);
  if (const Node* level = require(node, "level", "a clause", problems)) {
    clause.level = static_cast<Level>(read_word(*level, "level", kLevels, problems).value_or(0));
  }
  if (const Node* section = require(node, "section", "a clause", problems)) {
    clause.section = read_text(*section, "section", problems).value_or("");
  }
  if (const Node* text = require(node, "text", "a clause", problems)) {
    clause.text = read_text(*text, "text", problems).value_or("");
  }
  if (const Node* why = optional(node, "untestable")) {
    clause.untestable = read_text(*why, "untestable", problems).value_or("");
  }
  if (const Node* hostile = optional(node, "hostile")) {
    clause.hostile = read_flag(*hostile, "hostile", problems).value_or(false);
  }
  CaseDefaults defaults{machine, requires_, {}, {}};
  if (const Node* on = optional(node, "on")) {
    defaults.on = load_on(*on, loading);
    defaults.on_mark = on->mark;
  }
  if (const Node* wanted = optional(node, "machine"))
    load_machine(*wanted, defaults.machine, loading);
  if (const Node* wanted = optional(node, "requires"))
    load_requires(*wanted, defaults.requires_, loading);
  if (optional(node, "cases") != nullptr) {
    load_cases(std::move(*node.find("cases")), clause, defaults, loading);
  }
  if (optional(node, "violations") != nullptr)
    load_violations(std::move(*node.find("violations")), clause, loading);
  loading.interface.clauses.push_back(std::move(clause));
}

}  // namespace hypervet::spec
