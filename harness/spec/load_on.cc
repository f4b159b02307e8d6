// SPDX-License-Identifier: Apache-2.0
// `on:` of a clause or a case, and the parameters that it makes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/spec/load_parts.h"

namespace hypervet::spec {
namespace {

// The words at `key`: all of the table for "all" or, where that is allowed, for nothing.
std::vector<OnWord> load_words(const Node* node, std::string_view key,
                               std::span<const OnWord> table, Problems& problems) {
  if (node == nullptr || node->is("all")) return {table.begin(), table.end()};
  std::vector<std::string_view> known;
  for (const OnWord& each : table) known.push_back(each.text);
  std::vector<OnWord> words;
  const std::size_t before = problems.count();
  for (const Node* each : read_list(*node, key, problems)) {
    const auto index = read_word(*each, key, known, problems);
    if (!index) continue;
    if (std::ranges::find(words, table[*index].value, &OnWord::value) != words.end()) {
      problems.add(each->mark, fmt::format("{} has {} twice", key, each->scalar));
    } else {
      words.push_back(table[*index]);
    }
  }
  if (words.empty() && problems.count() == before)
    problems.add(node->mark, fmt::format("{} has no values", key));
  return words;
}

// The words are names of expressions wherever `on:` is used: `ring == packed`.
void declare_words(const Mark& mark, Loading& loading) {
  Interface& interface = loading.interface;
  for (const auto table : {device_words(), transport_words(), ring_words()}) {
    for (const auto& [text, value] : table) {
      if (!is_name(text)) continue;  // 9p
      const std::string name(text);
      const auto [found, fresh] = interface.constants.emplace(name, value);
      if (fresh) {
        interface.constant_marks.emplace(name, mark);
        loading.names.set(name, value);
      } else if (found->second != value) {
        loading.problems.add(
            interface.constant_marks.at(name),
            fmt::format("{} is a word of 'on:' and stands for {}", quote(name), value));
      }
    }
  }
}

void add_parameter(std::string_view name, const std::vector<OnWord>& words, const Mark& mark,
                   Case& a_case) {
  std::vector<std::uint64_t> values;
  for (const OnWord& each : words) {
    values.push_back(each.value);
    a_case.parameter_texts.emplace_back(each.text);
  }
  a_case.parameters.emplace_back(std::string(name), std::move(values));
  a_case.parameter_marks.push_back(mark);
}

}  // namespace

std::optional<On> load_on(const Node& node, Loading& loading) {
  static constexpr std::array<std::string_view, 3> kKeys = {"devices", "transports", "rings"};
  Problems& problems = loading.problems;
  if (!check_map(node, "on", kKeys, problems)) return std::nullopt;
  const std::size_t before = problems.count();
  On on;
  const Node* devices = require(node, "devices", "on", problems);
  on.every_device = devices != nullptr && devices->is("all");
  on.devices = load_words(devices, "devices", device_words(), problems);
  on.transports =
      load_words(optional(node, "transports"), "transports", transport_words(), problems);
  const Node* rings = optional(node, "rings");
  on.any_ring = rings != nullptr && rings->is("any");
  if (!on.any_ring) on.rings = load_words(rings, "rings", ring_words(), problems);
  if (problems.count() != before) return std::nullopt;
  declare_words(node.mark, loading);
  return on;
}

void add_parameters(const On& on, const Mark& mark, Case& a_case) {
  a_case.on_device = true;
  a_case.every_device = on.every_device;
  add_parameter(kDeviceParameter, on.devices, mark, a_case);
  add_parameter(kTransportParameter, on.transports, mark, a_case);
  if (!on.any_ring) add_parameter(kRingParameter, on.rings, mark, a_case);
}

}  // namespace hypervet::spec
