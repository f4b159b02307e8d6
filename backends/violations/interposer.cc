// SPDX-License-Identifier: Apache-2.0
#include "backends/violations/interposer.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "backends/violations/rule_values.h"
#include "backends/violations/vocabulary.h"

namespace hypervet::violations {
namespace {

using Keys = std::map<std::string, Value, std::less<>>;

std::string show(const Value& value) {
  if (const auto* word = std::get_if<std::string>(&value)) return *word;
  return fmt::format("{:#x}", std::get<std::uint64_t>(value));
}

void check(const Keys& keys, const SeamEntry& seam, KeyRole role, std::size_t index) {
  for (const auto& [name, value] : keys) {
    const auto refuse = [&](std::string_view why) {
      throw std::invalid_argument(
          fmt::format("violation {} at {}: {}: {} {}", index, seam.name, name, show(value), why));
    };
    const Key* key = find_key(seam, name);
    if (!key) refuse("(no such key at this seam)");
    if (key->role != role) refuse(role == KeyRole::kEffect ? "is a condition" : "is an effect");
    if (const auto* text = std::get_if<std::string>(&value)) {
      if (!takes_word(*key, *text)) refuse("is not one of its words");
    } else if (!key->number) {
      refuse("is a number, it takes words");
    }
  }
}

}  // namespace

void Interposer::arm(std::span<const Rule> rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const SeamEntry& seam = seams()[static_cast<std::size_t>(rules[i].at)];
    check(rules[i].conditions, seam, KeyRole::kCondition, i);
    check(rules[i].effects, seam, KeyRole::kEffect, i);
    if (rules[i].effects.empty())
      throw std::invalid_argument(fmt::format("violation {} at {}: no effect", i, seam.name));
  }
  for (auto& list : rules_) list.clear();
  in_call_.clear();
  sparing_ = nullptr;
  for (std::size_t i = 0; i < rules.size(); ++i)
    at(rules[i].at).push_back({.rule = rules[i], .index = i});
  count_ = rules.size();
  clean_ = rules.empty();
}

std::vector<unsigned> Interposer::committed() const {
  std::vector<unsigned> counts(count_);
  for (const auto& list : rules_)
    for (const Armed& armed : list) counts[armed.index] = armed.committed;
  return counts;
}

unsigned Interposer::total_committed() const {
  unsigned total = 0;
  for (const unsigned count : committed()) total += count;
  return total;
}

bool Interposer::meets(Armed& armed, const Holds& holds) {
  const Value* nth = nullptr;
  for (const auto& [key, wanted] : armed.rule.conditions) {
    if (key == "nth")
      nth = &wanted;
    else if (!holds(key, wanted))
      return false;
  }
  ++armed.matched;
  return !nth || is(*nth, armed.matched);
}

bool Interposer::switch_on(std::string_view name) {
  bool on = false;
  for (Armed& armed : at(Seam::kSwitch)) {
    if (word(armed.rule, "name") != name) continue;
    ++armed.committed;
    on = true;
  }
  return on;
}

std::uint64_t Interposer::switch_amount(std::string_view name, std::uint64_t otherwise) const {
  for (const Armed& armed : rules_[static_cast<std::size_t>(Seam::kSwitch)])
    if (word(armed.rule, "name") == name)
      if (const auto amount = number(armed.rule, "amount")) return *amount;
  return otherwise;
}

}  // namespace hypervet::violations
