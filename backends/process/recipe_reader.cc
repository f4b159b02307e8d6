// SPDX-License-Identifier: Apache-2.0
#include "backends/process/recipe_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "backends/yaml/reader.h"

namespace hypervet::process {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const yaml::SourceFile> source(const fs::path& path) {
  auto file = yaml::read_source(path);
  if (!file) recipe_flaw(file.error().mark, file.error().message);
  return *std::move(file);
}

}  // namespace

void recipe_flaw(const yaml::Mark& mark, std::string_view message) {
  const auto flaw = yaml::diagnose(mark, std::string(message));
  throw RecipeFlaw{fmt::format("{}: {}", to_string(flaw.mark), flaw.message)};
}

RecipeSection::RecipeSection(const yaml::Node& node, std::string name,
                             const std::vector<std::string_view>& needed,
                             const std::vector<std::string_view>& optional)
    : node_(node), name_(std::move(name)) {
  if (!node_.is_map()) recipe_flaw(node_.mark, fmt::format("{} must be a map", name_));
  for (const auto& [key, value] : node_.entries) {
    if (std::ranges::find(needed, key) == needed.end() &&
        std::ranges::find(optional, key) == optional.end()) {
      recipe_flaw(node_.key_mark(key), fmt::format("unknown key {} in {}; there are {}{}{}",
                                                   yaml::quote(key), name_, fmt::join(needed, ", "),
                                                   needed.empty() || optional.empty() ? "" : ", ",
                                                   fmt::join(optional, ", ")));
    }
  }
  for (const auto key : needed) this->node(key);  // throws where it is missing
}

const yaml::Node& RecipeSection::node(std::string_view key) const {
  const auto* found = node_.find(key);
  if (found == nullptr) recipe_flaw(node_.mark, fmt::format("{} lacks '{}'", name_, key));
  return *found;
}

std::string RecipeSection::text(std::string_view key) const { return scalar(node(key), key); }

std::vector<std::string> RecipeSection::texts(std::string_view key) const {
  const auto& list = node(key);
  if (!list.is_list()) recipe_flaw(list.mark, fmt::format("'{}' of {} must be a list", key, name_));
  std::vector<std::string> values;
  values.reserve(list.items.size());
  for (const auto& value : list.items) values.push_back(scalar(value, key));
  return values;
}

void RecipeSection::flaw(std::string_view key, std::string_view message) const {
  recipe_flaw(has(key) ? node(key).mark : node_.mark, message);
}

std::string RecipeSection::scalar(const yaml::Node& value, std::string_view key) const {
  if (!value.is_scalar() || value.scalar.empty())
    recipe_flaw(value.mark, fmt::format("'{}' of {} must be a text", key, name_));
  return value.scalar;
}

std::string read_recipe_file(const fs::path& path) { return source(path)->text; }

yaml::Node parse_recipe(const fs::path& file) {
  auto documents = yaml::parse_yaml(source(file));
  if (!documents) {
    const auto& first = documents.error().front();
    recipe_flaw(first.mark, first.message);
  }
  if (documents->size() > 1)
    recipe_flaw(documents->at(1).mark, "a second document; a recipe is one alone");
  return std::move(documents->front());
}

std::vector<std::string> recipe_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace hypervet::process
