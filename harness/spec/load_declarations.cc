// SPDX-License-Identifier: Apache-2.0
// What an interface declares before its clauses: constants, structures, features.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "harness/spec/load_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

struct FieldType {
  unsigned size;
  bool is_signed;
};
constexpr std::array<std::string_view, 8> kFieldTypeNames = {"u8", "u16", "u32", "u64",
                                                             "s8", "s16", "s32", "s64"};
constexpr std::array<FieldType, 8> kFieldTypes = {
    {{1, false}, {2, false}, {4, false}, {8, false}, {1, true}, {2, true}, {4, true}, {8, true}}};
constexpr std::array<std::string_view, 4> kRegisters = {"eax", "ebx", "ecx", "edx"};

bool check_declared(const std::string& name, const Mark& mark, std::string_view what,
                    Problems& problems) {
  if (is_name(name)) return true;
  problems.add(
      mark,
      fmt::format(
          "{} cannot be the name of {}: letters, digits, '_' and '-', beginning with a letter",
          quote(name), what));
  return false;
}

void load_field(const std::string& name, const Mark& mark, const Node& node, Structure& structure,
                Loading& loading) {
  if (!check_declared(name, mark, "a field", loading.problems)) return;
  if (!node.is_list() || node.items.size() != 2) {
    loading.problems.add(node.mark, "a field is [offset, type]");
    return;
  }
  const auto offset = read_number(node.items[0], "the offset", loading.names, 0, kMaxStructureSize,
                                  loading.problems);
  const auto type = read_word(node.items[1], "the type", kFieldTypeNames, loading.problems);
  if (!offset || !type) return;
  const auto [size, is_signed] = kFieldTypes[*type];
  if (structure.size != 0 && *offset + size > structure.size) {
    loading.problems.add(node.items[0].mark,
                         fmt::format("the field ends at byte {}, but the structure has {}",
                                     *offset + size, structure.size));
    return;
  }
  structure.fields.push_back({name, static_cast<unsigned>(*offset), size, is_signed});
}

void load_structure(const std::string& name, const Mark& mark, const Node& node, Loading& loading) {
  static constexpr std::array<std::string_view, 2> kKeys = {"size", "fields"};
  check_declared(name, mark, "a structure", loading.problems);
  if (!check_map(node, "a structure", kKeys, loading.problems)) return;
  Structure structure;
  structure.name = name;
  structure.mark = mark;
  if (const Node* size = require(node, "size", "a structure", loading.problems)) {
    const auto bytes =
        read_number(*size, "the size", loading.names, 1, kMaxStructureSize, loading.problems);
    structure.size = static_cast<unsigned>(bytes.value_or(0));
  }
  if (const Node* fields = require(node, "fields", "a structure", loading.problems)) {
    if (!fields->is_map()) {
      loading.problems.add(
          fields->mark,
          fmt::format("fields is a map of name: [offset, type], not {}", kind_name(*fields)));
      return;
    }
    for (std::size_t i = 0; i < fields->entries.size(); ++i) {
      load_field(fields->entries[i].first, fields->key_marks[i], fields->entries[i].second,
                 structure, loading);
    }
  }
  loading.interface.structures.emplace(name, std::move(structure));
}

// The three registers of a signature, each by its number.
std::optional<std::array<std::uint32_t, 3>> read_signature(const Node& node, Loading& loading) {
  std::array<std::uint32_t, 3> registers{};
  bool whole = true;
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const std::string_view name = kRegisters[i + 1];
    const Node* value = require(node, name, "a signature", loading.problems);
    const auto number =
        value == nullptr ? std::nullopt
                         : read_number(*value, name, loading.names, 0, kMost32, loading.problems);
    whole = whole && number.has_value();
    registers[i] = static_cast<std::uint32_t>(number.value_or(0));
  }
  return whole ? std::optional(registers) : std::nullopt;
}

void load_cpuid(const Node& node, Feature& feature, Loading& loading) {
  static constexpr std::array<std::string_view, 3> kBitKeys = {"leaf", "register", "bit"};
  static constexpr std::array<std::string_view, 4> kSignatureKeys = {"leaf", "ebx", "ecx", "edx"};
  Problems& problems = loading.problems;
  const bool is_signature = std::ranges::any_of(kSignatureKeys, [&node](std::string_view key) {
    return key != "leaf" && node.find(key) != nullptr;
  });
  const bool is_map = is_signature
                          ? check_map(node, "a signature in cpuid", kSignatureKeys, problems)
                          : check_map(node, "cpuid", kBitKeys, problems);
  if (!is_map) return;
  if (const Node* leaf = require(node, "leaf", "cpuid", problems)) {
    feature.leaf = static_cast<std::uint32_t>(
        read_number(*leaf, "leaf", loading.names, 0, kMost32, problems).value_or(0));
  }
  if (is_signature) {
    feature.signature = read_signature(node, loading);
    return;
  }
  if (const Node* reg = require(node, "register", "cpuid", problems)) {
    feature.reg =
        static_cast<unsigned>(read_word(*reg, "register", kRegisters, problems).value_or(0));
  }
  if (const Node* bit = require(node, "bit", "cpuid", problems)) {
    feature.bit =
        static_cast<unsigned>(read_number(*bit, "bit", loading.names, 0, 31, problems).value_or(0));
  }
}

void load_feature(const std::string& name, const Mark& mark, const Node& node, Loading& loading) {
  static constexpr std::array<std::string_view, 3> kKeys = {"cpuid", "virtio", "requires"};
  if (!is_id(name)) {
    loading.problems.add(
        mark,
        fmt::format("{} cannot be the name of a feature: lower-case words joined by '.' or '-'",
                    quote(name)));
  }
  if (!check_map(node, "a feature", kKeys, loading.problems)) return;
  Feature feature;
  feature.name = name;
  feature.mark = mark;
  if (const Node* virtio = optional(node, "virtio")) {
    const auto bit = read_number(*virtio, "virtio", loading.names, 0, 63, loading.problems);
    feature.virtio = static_cast<unsigned>(bit.value_or(0));
    if (node.find("cpuid") != nullptr)
      loading.problems.add(node.key_mark("cpuid"),
                           "a feature is of a device or of CPUID, not both");
  } else if (const Node* cpuid = require(node, "cpuid", "a feature", loading.problems)) {
    load_cpuid(*cpuid, feature, loading);
  }
  std::vector<FeatureUse>& uses = loading.seen.feature_requires[name];
  if (const Node* wanted = optional(node, "requires")) {
    for (const Node* each : read_list(*wanted, "requires", loading.problems)) {
      feature.requires_.push_back(each->scalar);
      uses.push_back({each->scalar, each->mark, false});
    }
  }
  const auto [first, fresh] = loading.specs.features.emplace(name, std::move(feature));
  if (!fresh) loading.problems.add(mark, already("feature", name, first->second.mark));
}

bool check_declarations(const Node& node, std::string_view what, Problems& problems) {
  if (node.is_map()) return true;
  problems.add(node.mark, fmt::format("{} is a map, not {}", what, kind_name(node)));
  return false;
}

}  // namespace

std::string already(std::string_view what, std::string_view name, const Mark& first) {
  return fmt::format("the {} {} is already in {}", what, quote(name), to_string(first));
}

void load_constants(const Node& node, Loading& loading) {
  if (!check_declarations(node, "constants", loading.problems)) return;
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const auto& [name, value_node] = node.entries[i];
    if (!check_declared(name, node.key_marks[i], "a constant", loading.problems)) continue;
    const auto value =
        read_number(value_node, "a constant", loading.names, 0, kMost, loading.problems);
    // Known from here on also if its value is not: one problem is enough.
    loading.names.set(name, value.value_or(0));
    loading.interface.constants.insert_or_assign(name, value.value_or(0));
    loading.interface.constant_marks.insert_or_assign(name, node.key_marks[i]);
  }
}

void load_structures(const Node& node, Loading& loading) {
  if (!check_declarations(node, "structures", loading.problems)) return;
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    load_structure(node.entries[i].first, node.key_marks[i], node.entries[i].second, loading);
  }
}

void load_features(const Node& node, Loading& loading) {
  if (!check_declarations(node, "features", loading.problems)) return;
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    load_feature(node.entries[i].first, node.key_marks[i], node.entries[i].second, loading);
  }
}

}  // namespace hypervet::spec
