// SPDX-License-Identifier: Apache-2.0
// A case: its machine, its parameter matrix, its steps.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "backends/backend.h"
#include "guest-payloads/protocol/layout.h"
#include "harness/spec/load_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

void load_setting(const std::string& name, const Mark& mark, const Node& value,
                  MachineRequest& machine, Problems& problems) {
  if (name == kDeviceParameter || name == kTransportParameter) {
    problems.add(mark, fmt::format("the {} of a case is said by 'on:'", name));
    return;
  }
  std::vector<std::string_view> known = {"cpus", "without"};
  for (const backends::Setting& setting : backends::known_settings()) {
    known.push_back(setting.name);
    if (setting.name != name) continue;
    const auto word = read_word(value, name, setting.values, problems);
    if (word) machine.settings.insert_or_assign(name, std::string(setting.values[*word]));
    return;
  }
  problems.add(mark, fmt::format("unknown setting {} of the machine{}", quote(name),
                                 did_you_mean(name, known)));
}

// The values of one parameter with their texts.
struct Matrix {
  std::vector<std::uint64_t> values;
  std::vector<std::string> texts;
};

// Where "a..b" has its dots, if the text is a range.
std::optional<std::size_t> range_dots(const Node& node) {
  const std::size_t at = node.is_scalar() ? node.scalar.find("..") : std::string::npos;
  return at == std::string::npos ? std::nullopt : std::optional(at);
}

// One end of a range.
std::optional<std::uint64_t> range_end(const Node& node, std::size_t from, std::size_t to,
                                       Loading& loading) {
  Node part = node;
  part.scalar = node.scalar.substr(from, to - from);
  part.quoted = false;
  part.mark = node.text_mark();
  part.mark.column += static_cast<unsigned>(from);
  return read_number(part, "the end of a range", loading.names, 0, kMost, loading.problems);
}

void add_range(const Node& node, std::size_t dots, Matrix& matrix, Loading& loading) {
  const auto first = range_end(node, 0, dots, loading);
  const auto last = range_end(node, dots + 2, node.scalar.size(), loading);
  if (!first || !last) return;
  if (*last < *first) {
    loading.problems.add(node.mark, fmt::format("the range is empty: {} is less than {}",
                                                format_number(*last), format_number(*first)));
    return;
  }
  if (*last - *first >= kMaxParameterValues) {
    loading.problems.add(node.mark,
                         fmt::format("the range has more than {} values", kMaxParameterValues));
    return;
  }
  const bool hexadecimal = node.scalar.starts_with("0x");
  for (std::uint64_t value = *first;; ++value) {
    matrix.values.push_back(value);
    matrix.texts.push_back(hexadecimal ? fmt::format("{:#x}", value) : fmt::format("{}", value));
    if (value == *last) break;
  }
}

void add_values(const Node& node, Matrix& matrix, Loading& loading) {
  if (const auto dots = range_dots(node)) return add_range(node, *dots, matrix, loading);
  const auto value =
      read_number(node, "a parameter's value", loading.names, 0, kMost, loading.problems);
  if (!value) return;
  matrix.values.push_back(*value);
  matrix.texts.push_back(node.scalar);
}

void check_distinct(const std::string& name, const Node& node, const Matrix& matrix,
                    Problems& problems) {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t value : matrix.values) {
    if (!seen.insert(value).second) {
      problems.add(node.mark, fmt::format("{} has the value {} twice", name, format_number(value)));
      return;
    }
  }
}

Matrix load_parameter(const std::string& name, const Node& node, Loading& loading) {
  Matrix matrix;
  const std::size_t before = loading.problems.count();
  if (node.is_list()) {
    for (const Node& each : node.items) add_values(each, matrix, loading);
  } else if (node.is_scalar()) {
    add_values(node, matrix, loading);
  } else {
    loading.problems.add(node.mark,
                         fmt::format("a parameter is a list or a range, not {}", kind_name(node)));
  }
  if (loading.problems.count() != before) return matrix;
  if (matrix.values.empty()) loading.problems.add(node.mark, fmt::format("{} has no values", name));
  if (matrix.values.size() > kMaxParameterValues) {
    loading.problems.add(node.mark,
                         fmt::format("{} has more than {} values", name, kMaxParameterValues));
  }
  check_distinct(name, node, matrix, loading.problems);
  return matrix;
}

std::vector<Step> load_steps(Node node, std::string_view what, Loading& loading);

// `as:` may stand beside the verb instead of inside it: `host: {read-clock: {}}` reads better so.
void take_name(Step& step, Node name, const Mark& mark, Problems& problems) {
  Node& arguments = step.arguments;
  if (arguments.is_null()) {
    arguments.kind = Node::Kind::kMap;
    arguments.mark = step.mark;
  }
  if (!arguments.is_map()) {
    problems.add(mark, fmt::format("'as:' needs the arguments of {} in braces", quote(step.verb)));
  } else if (arguments.find("as") != nullptr) {
    problems.add(mark, "'as:' stands inside the step already");
  } else {
    arguments.entries.emplace_back("as", std::move(name));
    arguments.key_marks.push_back(mark);
  }
}

std::optional<Step> load_step(Node node, Loading& loading) {
  Problems& problems = loading.problems;
  if (!node.is_map()) {
    const std::string example =
        node.is_scalar() && is_id(node.scalar) ? node.scalar + ": {}" : "rdtsc: {}";
    problems.add(node.mark,
                 fmt::format("a step is a map such as '{}', not {}", example, kind_name(node)));
    return std::nullopt;
  }
  Step step;
  bool found = false;
  Node* name = nullptr;
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    auto& [key, value] = node.entries[i];
    if (key == "as") {
      name = &value;
    } else if (key == "expect") {
      step.expect = std::move(value);
    } else if (found) {
      problems.add(
          node.key_marks[i],
          fmt::format("a step is one verb with 'expect:' beside it; this one has {} and {}",
                      quote(step.verb), quote(key)));
      return std::nullopt;
    } else {
      found = true;
      step.verb = key;
      step.mark = node.key_marks[i];
      step.arguments = std::move(value);
    }
  }
  if (!found) {
    problems.add(node.mark, "a step needs a verb");
    return std::nullopt;
  }
  if (name != nullptr) take_name(step, std::move(*name), node.key_mark("as"), problems);
  if (Node* block = step.arguments.find("do")) {
    const Mark mark = block->mark;
    step.block = load_steps(std::exchange(*block, Node{}), "do", loading);
    block->kind = Node::Kind::kList;
    block->mark = mark;
  }
  return step;
}

std::vector<Step> load_steps(Node node, std::string_view what, Loading& loading) {
  std::vector<Step> steps;
  if (!node.is_list()) {
    loading.problems.add(node.mark,
                         fmt::format("{} is a list of steps, not {}", what, kind_name(node)));
    return steps;
  }
  if (node.items.empty()) loading.problems.add(node.mark, fmt::format("{} has no steps", what));
  steps.reserve(node.items.size());
  for (Node& each : node.items) {
    if (std::optional<Step> step = load_step(std::move(each), loading))
      steps.push_back(*std::move(step));
  }
  return steps;
}

}  // namespace

void load_machine(const Node& node, MachineRequest& machine, Loading& loading) {
  Problems& problems = loading.problems;
  if (!node.is_map()) {
    problems.add(node.mark, fmt::format("machine is a map, not {}", kind_name(node)));
    return;
  }
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const auto& [key, value] = node.entries[i];
    if (key == "cpus") {
      const auto cpus = read_number(value, "cpus", loading.names, 1, protocol::kMaxCpus, problems);
      if (cpus) machine.cpus = static_cast<unsigned>(*cpus);
    } else if (key == "without") {
      for (const Node* each : read_list(value, "without", problems)) {
        loading.interface.feature_uses.push_back({each->scalar, each->mark, true});
        if (std::ranges::find(machine.without, each->scalar) == machine.without.end()) {
          machine.without.push_back(each->scalar);
        }
      }
    } else {
      load_setting(key, node.key_marks[i], value, machine, problems);
    }
  }
}

void load_requires(const Node& node, std::vector<std::string>& features, Loading& loading) {
  for (const Node* each : read_list(node, "requires", loading.problems)) {
    loading.interface.feature_uses.push_back({each->scalar, each->mark, false});
    if (std::ranges::find(features, each->scalar) == features.end())
      features.push_back(each->scalar);
  }
}

void load_parameters(const Node& node, Case& a_case, Loading& loading) {
  if (!node.is_map()) {
    loading.problems.add(node.mark,
                         fmt::format("for is a map of name: values, not {}", kind_name(node)));
    return;
  }
  using Parameter = std::pair<std::string, std::vector<std::uint64_t>>;
  std::uint64_t instances = 1;
  for (const auto& [name, values] : a_case.parameters) instances *= values.size();
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const auto& [name, values] = node.entries[i];
    const Mark& mark = node.key_marks[i];
    if (!is_name(name)) {
      loading.problems.add(
          mark, fmt::format("{} cannot be the name of a parameter: letters, digits, '_' and '-', "
                            "beginning with a letter",
                            quote(name)));
    } else if (loading.names.contains(name)) {
      loading.problems.add(mark, fmt::format("{} is the name of a constant", quote(name)));
    } else if (std::ranges::find(a_case.parameters, name, &Parameter::first) !=
               a_case.parameters.end()) {
      loading.problems.add(mark, fmt::format("{} is a parameter of 'on:'", quote(name)));
    }
    Matrix matrix = load_parameter(name, values, loading);
    instances *= std::max<std::uint64_t>(1, matrix.values.size());
    if (instances > kMaxInstances) {
      loading.problems.add(
          mark, fmt::format("the parameters make more than {} instances", kMaxInstances));
      return;
    }
    std::ranges::move(matrix.texts, std::back_inserter(a_case.parameter_texts));
    a_case.parameters.emplace_back(name, std::move(matrix.values));
    a_case.parameter_marks.push_back(mark);
  }
}

Case load_case(Node node, const CaseDefaults& defaults, Loading& loading) {
  static constexpr std::array<std::string_view, 6> kKeys = {"name",    "on",       "for",
                                                            "machine", "requires", "steps"};
  Case a_case;
  a_case.mark = node.mark;
  a_case.machine = defaults.machine;
  a_case.requires_ = defaults.requires_;
  if (!check_map(node, "a case", kKeys, loading.problems)) return a_case;
  if (const Node* name = optional(node, "name")) {
    a_case.name = read_text(*name, "name", loading.problems).value_or("");
    if (!a_case.name.empty() && !is_title(a_case.name)) {
      loading.problems.add(
          name->mark,
          "a case's name is one line of at most 100 characters without '/', '[' and ']'");
    }
  }
  if (const Node* own = optional(node, "on")) {
    if (const auto on = load_on(*own, loading)) add_parameters(*on, own->mark, a_case);
  } else if (defaults.on) {
    add_parameters(*defaults.on, defaults.on_mark, a_case);
  }
  if (const Node* parameters = optional(node, "for")) load_parameters(*parameters, a_case, loading);
  if (const Node* wanted = optional(node, "machine"))
    load_machine(*wanted, a_case.machine, loading);
  if (const Node* features = optional(node, "requires"))
    load_requires(*features, a_case.requires_, loading);
  if (require(node, "steps", "a case", loading.problems) != nullptr) {
    a_case.steps = load_steps(std::move(*node.find("steps")), "steps", loading);
  }
  return a_case;
}

}  // namespace hypervet::spec
