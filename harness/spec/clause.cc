// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/clause.h"

#include <fmt/format.h>

#include <algorithm>

namespace hypervet::spec {
namespace {

// The text of a parameter's value as it stands in an instance's name: as written if that is one
// word.
std::string parameter_text(const Case& a_case, std::size_t parameter, std::uint64_t value) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < parameter; ++i) first += a_case.parameters[i].second.size();
  const auto& values = a_case.parameters[parameter].second;
  const auto found = std::ranges::find(values, value);
  const std::size_t at = first + static_cast<std::size_t>(found - values.begin());
  if (found == values.end() || at >= a_case.parameter_texts.size()) return fmt::format("{}", value);
  const std::string& text = a_case.parameter_texts[at];
  const bool one_word = text.find_first_of(" ,=[]/") == std::string::npos;
  return one_word ? text : fmt::format("{}", value);
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kMust:
      return "must";
    case Level::kShould:
      return "should";
    case Level::kMay:
      return "may";
  }
  return "must";
}

const StructureField* Structure::find(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &StructureField::name);
  return found == fields.end() ? nullptr : &*found;
}

std::vector<Binding> bindings(const Case& a_case) {
  std::vector<Binding> all(1);
  for (const auto& [name, values] : a_case.parameters) {
    std::vector<Binding> longer;
    longer.reserve(all.size() * values.size());
    for (const Binding& each : all) {
      for (const std::uint64_t value : values) {
        longer.push_back(each);
        longer.back().values.emplace_back(name, value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

namespace {

// "[nr=13,cpus=2]"; "" without parameters.
std::string point_text(const Case& a_case, const Binding& binding) {
  if (binding.values.empty()) return "";
  std::vector<std::string> parts;
  for (const auto& [name, value] : binding.values) {
    const auto found =
        std::ranges::find(a_case.parameters, name, [](const auto& each) { return each.first; });
    const auto index = static_cast<std::size_t>(found - a_case.parameters.begin());
    parts.push_back(fmt::format("{}={}", name,
                                found == a_case.parameters.end()
                                    ? fmt::format("{}", value)
                                    : parameter_text(a_case, index, value)));
  }
  return fmt::format("[{}]", fmt::join(parts, ","));
}

}  // namespace

std::string instance_id(const Clause& clause, const Case& a_case, const Binding& binding) {
  return fmt::format("{}{}{}{}", clause.id, a_case.name.empty() ? "" : "/", a_case.name,
                     point_text(a_case, binding));
}

std::string instance_id(const Path& path, const Binding& binding) {
  return path.id + point_text(path.conditions, binding);
}

}  // namespace hypervet::spec
