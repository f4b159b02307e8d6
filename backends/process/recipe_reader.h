// SPDX-License-Identifier: Apache-2.0
// Reads recipes: YAML files of maps with known keys, whose every error is one line,
// "file:line:column: message". One thread.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backends/yaml/node.h"

namespace hypervet::process {

// What is wrong with a recipe. Thrown while it is read; read_recipe() catches.
struct RecipeFlaw {
  std::string message;  // one line
};

// Throws RecipeFlaw.
[[noreturn]] void recipe_flaw(const yaml::Mark& mark, std::string_view message);

// A map of the file, read key by key. What nobody knows is an error, and so is what is missing and
// must be there. All of it throws RecipeFlaw. The node outlives the section.
class RecipeSection {
 public:
  // `name` is how messages call it: "the recipe", "kernel".
  RecipeSection(const yaml::Node& node, std::string name,
                const std::vector<std::string_view>& needed,
                const std::vector<std::string_view>& optional = {});

  bool has(std::string_view key) const { return node_.find(key) != nullptr; }
  // What stands under a key; one that is not there is missing.
  const yaml::Node& node(std::string_view key) const;
  // A text that is not empty; a list of such.
  std::string text(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  [[noreturn]] void flaw(std::string_view key, std::string_view message) const;

 private:
  std::string scalar(const yaml::Node& value, std::string_view key) const;

  const yaml::Node& node_;
  std::string name_;
};

// The text of a file that a recipe names. Throws RecipeFlaw.
std::string read_recipe_file(const std::filesystem::path& path);

// The one document of a recipe. Throws RecipeFlaw.
yaml::Node parse_recipe(const std::filesystem::path& file);

// Hands the recipe's document to `read` and makes the RecipeFlaw that it throws the error.
template <typename Recipe>
std::expected<Recipe, std::string> read_recipe(const std::filesystem::path& file,
                                               Recipe (*read)(const yaml::Node&)) {
  try {
    return read(parse_recipe(file));
  } catch (const RecipeFlaw& found) {
    return std::unexpected(found.message);
  }
}

// Names of the recipes in a folder, sorted.
std::vector<std::string> recipe_names(const std::filesystem::path& folder);

}  // namespace hypervet::process
