// SPDX-License-Identifier: Apache-2.0
#include "backends/process/recipe_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backends/process/mapped_file.h"

namespace hypervet::process {

namespace fs = std::filesystem;

void recipe_flaw(const fs::path& file, const YAML::Mark& mark, std::string_view message) {
  if (mark.is_null()) throw RecipeFlaw{fmt::format("{}: {}", file.string(), message)};
  throw RecipeFlaw{
      fmt::format("{}:{}:{}: {}", file.string(), mark.line + 1, mark.column + 1, message)};
}

RecipeSection::RecipeSection(const fs::path& file, YAML::Node node, std::string name,
                             const std::vector<std::string_view>& needed,
                             const std::vector<std::string_view>& optional)
    : file_(file), node_(std::move(node)), name_(std::move(name)) {
  if (!node_.IsMap()) recipe_flaw(file_, node_.Mark(), fmt::format("{} must be a map", name_));
  std::vector<std::string> seen;
  for (const auto& entry : node_) {
    const auto key = entry.first.as<std::string>("");
    if (std::ranges::find(needed, key) == needed.end() &&
        std::ranges::find(optional, key) == optional.end()) {
      recipe_flaw(
          file_, entry.first.Mark(),
          fmt::format("unknown key '{}' in {}; there are {}{}{}", key, name_,
                      fmt::join(needed, ", "), needed.empty() || optional.empty() ? "" : ", ",
                      fmt::join(optional, ", ")));
    }
    if (std::ranges::find(seen, key) != seen.end()) {
      recipe_flaw(file_, entry.first.Mark(), fmt::format("'{}' stands twice in {}", key, name_));
    }
    seen.push_back(key);
  }
  for (const auto key : needed) {
    if (!has(key)) recipe_flaw(file_, node_.Mark(), fmt::format("{} lacks '{}'", name_, key));
  }
}

std::string RecipeSection::text(std::string_view key) const { return scalar(node(key), key); }

std::vector<std::string> RecipeSection::texts(std::string_view key) const {
  const auto list = node(key);
  if (!list.IsSequence())
    recipe_flaw(file_, list.Mark(), fmt::format("'{}' of {} must be a list", key, name_));
  std::vector<std::string> values;
  for (const auto& value : list) values.push_back(scalar(value, key));
  return values;
}

void RecipeSection::flaw(std::string_view key, std::string_view message) const {
  recipe_flaw(file_, has(key) ? node(key).Mark() : node_.Mark(), message);
}

std::string RecipeSection::scalar(const YAML::Node& value, std::string_view key) const {
  if (!value.IsScalar() || value.Scalar().empty())
    recipe_flaw(file_, value.Mark(), fmt::format("'{}' of {} must be a text", key, name_));
  return value.Scalar();
}

std::string read_recipe_file(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) throw RecipeFlaw{file.error()};
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
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
