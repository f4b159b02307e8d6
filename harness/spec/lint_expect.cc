// SPDX-License-Identifier: Apache-2.0
// Expectations: that they fit what the step observes, and that their values can be worked out.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/spec/fields.h"
#include "harness/spec/lint_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

class ExpectLint {
 public:
  ExpectLint(const Scope& scope, Problems& problems) : scope_(scope), problems_(problems) {}

  void allowed(const Node& node, bool list_field) {
    if (node.is_scalar()) {
      const auto words = expectation_words();
      if (std::ranges::find(words, node.scalar) == words.end())
        scope_.check(node, Wants::kAny, {}, problems_);
    } else if (node.is_list()) {
      if (!list_field) problems_.add(node.mark, "this is one number, not a list");
      for (const Node& each : node.items) allowed(each, false);
    } else if (node.is_map()) {
      map(node, list_field);
    } else {
      problems_.add(node.mark, "this expects nothing");
    }
  }

  void fault(const Node& node) {
    if (!node.is_map()) return one_fault(node);
    static constexpr std::array<std::string_view, 1> kKeys = {"one-of"};
    if (!check_map(node, "fault", kKeys, problems_)) return;
    const Node* choice = require(node, "one-of", "fault", problems_);
    if (choice == nullptr) return;
    if (!choice->is_list() || choice->items.empty()) {
      problems_.add(choice->mark, "one-of takes a list of faults");
      return;
    }
    for (const Node& each : choice->items) one_fault(each);
  }

 private:
  void one_fault(const Node& node) {
    if (node.is_scalar() && (node.scalar == "none" || is_fault(node.scalar))) return;
    // An unquoted '#' begins a comment: then nothing is left here.
    problems_.add(
        node.mark,
        node.is_null()
            ? "a fault is written in quotes: \"#GP(0)\""
            : fmt::format("{} is not a fault (\"#GP(0)\", \"#UD\", \"#PF\", none)",
                          node.is_scalar() ? quote(node.scalar) : std::string(kind_name(node))));
  }

  void number(const Node& node) { scope_.check(node, Wants::kAny, {}, problems_); }

  void map(const Node& node, bool list_field) {
    check_map(node, "an expectation", expectation_keys(), problems_);
    if (node.entries.empty()) problems_.add(node.mark, "this expects nothing");
    for (const std::string_view key :
         {"at-least", "at-most", "mask", "bit", "is", "differs-from"}) {
      if (const Node* value = node.find(key)) number(*value);
    }
    for (const std::string_view key : {"one-of", "all-of"}) {
      if (const Node* choice = node.find(key)) alternatives(*choice, key, list_field);
    }
    if (const Node* inner = node.find("not")) allowed(*inner, list_field);
    const bool mask = node.find("mask") != nullptr, bit = node.find("bit") != nullptr;
    const bool is = node.find("is") != nullptr;
    if (mask && bit)
      problems_.add(node.key_mark("bit"),
                    "'mask:' and 'bit:' would share one 'is:'; use 'all-of:'");
    if ((mask || bit) && !is)
      problems_.add(node.mark, fmt::format("'{}:' needs 'is:'", mask ? "mask" : "bit"));
    if (is && !mask && !bit)
      problems_.add(node.key_mark("is"), "'is:' goes with 'mask:' or 'bit:'");
  }

  void alternatives(const Node& node, std::string_view key, bool list_field) {
    if (!node.is_list() || node.items.empty()) {
      problems_.add(node.mark, fmt::format("{} takes a list of expectations", key));
      return;
    }
    for (const Node& each : node.items) allowed(each, list_field);
  }

  const Scope& scope_;
  Problems& problems_;
};

void unknown_field(const std::string& key, const Mark& mark, const Expecting& expecting,
                   Problems& problems) {
  std::vector<std::string> known = expecting.fields;
  if (expecting.verb.instruction) known.emplace_back("unchanged");
  const std::string near = did_you_mean(key, known);
  // Registers of instructions are many; they go without saying.
  const std::size_t shown = std::min<std::size_t>(known.size(), 6);
  problems.add(
      mark,
      fmt::format(
          "'{}' does not observe {}{}", expecting.verb.name, quote(key),
          near.empty()
              ? fmt::format(" (it observes {}{})",
                            fmt::join(known.begin(),
                                      known.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                            shown < known.size() ? ", ..." : "")
              : near));
}

}  // namespace

void lint_expect(const Node& expect, const Expecting& expecting, Problems& problems) {
  const Verb& verb = expecting.verb;
  if (expecting.fields.empty()) {
    const bool block = find_key(verb, "do") != nullptr;
    problems.add(expect.mark,
                 fmt::format("'{}' observes nothing{}", verb.name, block ? "; its steps do" : ""));
    return;
  }
  if (!expect.is_map() || expect.entries.empty()) {
    problems.add(expect.mark,
                 fmt::format("expect is a map of what is observed to what is allowed, not {}",
                             expect.is_map() ? "an empty one" : kind_name(expect)));
    return;
  }
  static constexpr std::array<std::string_view, 2> kUnchanged = {"others", "all"};
  ExpectLint lint(expecting.scope, problems);
  for (std::size_t i = 0; i < expect.entries.size(); ++i) {
    const auto& [key, value] = expect.entries[i];
    if (key == "unchanged" && verb.instruction) {
      read_word(value, "unchanged", kUnchanged, problems);
    } else if (std::ranges::find(expecting.fields, key) == expecting.fields.end()) {
      unknown_field(key, expect.key_marks[i], expecting, problems);
    } else if (key == "fault" && verb.may_fault) {
      lint.fault(value);
    } else if (key == "reached") {
      if (!value.is("1") && !value.is("0")) read_flag(value, "reached", problems);
    } else {
      lint.allowed(value, is_list_field(key));
    }
  }
}

}  // namespace hypervet::spec
