// SPDX-License-Identifier: Apache-2.0
// A hot path: its conditions, what it times, its contrast.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "guest-payloads/protocol/paths.h"
#include "harness/spec/load_parts.h"

namespace hypervet::spec {
namespace {

constexpr std::array<std::string_view, 1> kUnits = {"ns"};

void load_id(const Node& node, Path& path, Loading& loading) {
  const auto id = read_text(node, "id", loading.problems);
  if (!id) return;
  path.id = *id;
  path.mark = node.mark;
  if (!is_id(*id)) {
    loading.problems.add(
        node.mark,
        fmt::format("{} is not an id: lower-case words joined by '.' or '-'", quote(*id)));
    return;
  }
  if (!loading.interface.id.empty() && !id->starts_with(loading.interface.id + ".")) {
    loading.problems.add(node.mark, fmt::format("the id of a path of {} begins with '{}.'",
                                                loading.interface.id, loading.interface.id));
  }
  if (const auto clause = loading.seen.clauses.find(*id); clause != loading.seen.clauses.end()) {
    loading.problems.add(node.mark, already("clause", *id, clause->second));
  }
  const auto [first, fresh] = loading.seen.paths.emplace(*id, node.mark);
  if (!fresh) loading.problems.add(node.mark, already("path", *id, first->second));
}

// {loop: {arguments}}
std::optional<Measure> load_measure(const Node& node, std::string_view what, Problems& problems) {
  if (!node.is_map() || node.entries.size() != 1) {
    problems.add(node.mark,
                 fmt::format("{} is one loop with its arguments, such as "
                             "'{{cpuid: {{leaf: 0}}}}', not {}",
                             what,
                             node.is_map() ? fmt::format("{} of them", node.entries.size())
                                           : std::string(kind_name(node))));
    return std::nullopt;
  }
  return Measure{node.entries[0].first, node.entries[0].second, node.key_marks[0]};
}

void load_contrast(const Node& node, Path& path, Loading& loading) {
  path.contrast_mark = node.mark;
  if (node.is_scalar()) {
    path.contrast_id = read_text(node, "contrast", loading.problems).value_or("");
  } else {
    path.contrast = load_measure(node, "contrast", loading.problems);
  }
}

void load_texts(const Node& node, Path& path, Problems& problems) {
  const auto text = [&](std::string_view key, std::string& to) {
    if (const Node* value = require(node, key, "a path", problems)) {
      to = read_text(*value, key, problems).value_or("");
    }
  };
  text("what", path.what);
  text("section", path.section);
  if (const Node* unit = require(node, "unit", "a path", problems)) {
    if (read_word(*unit, "unit", kUnits, problems)) path.unit = unit->scalar;
  }
  if (const Node* note = optional(node, "note")) {
    path.note = read_text(*note, "note", problems).value_or("");
  }
}

}  // namespace

void load_path(const Node& node, const MachineRequest& machine,
               const std::vector<std::string>& requires_, Loading& loading) {
  static constexpr std::array<std::string_view, 11> kKeys = {
      "id",      "what", "unit",  "section", "note",    "requires",
      "machine", "for",  "batch", "path",    "contrast"};
  Problems& problems = loading.problems;
  Path path;
  path.mark = path.conditions.mark = node.mark;
  path.conditions.machine = machine;
  path.conditions.requires_ = requires_;
  if (!check_map(node, "a path", kKeys, problems)) return;
  if (const Node* id = require(node, "id", "a path", problems)) load_id(*id, path, loading);
  load_texts(node, path, problems);
  if (const Node* parameters = optional(node, "for")) {
    load_parameters(*parameters, path.conditions, loading);
  }
  if (const Node* wanted = optional(node, "machine")) {
    load_machine(*wanted, path.conditions.machine, loading);
  }
  if (const Node* wanted = optional(node, "requires")) {
    load_requires(*wanted, path.conditions.requires_, loading);
  }
  if (const Node* batch = optional(node, "batch")) {
    path.batch = read_number(*batch, "batch", loading.names, 1, protocol::kMaxPathBatch, problems);
  }
  if (const Node* measure = require(node, "path", "a path", problems)) {
    if (auto read = load_measure(*measure, "path", problems)) path.measure = *std::move(read);
  }
  if (const Node* contrast = optional(node, "contrast")) load_contrast(*contrast, path, loading);
  loading.interface.paths.push_back(std::move(path));
}

}  // namespace hypervet::spec
