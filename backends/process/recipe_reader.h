// SPDX-License-Identifier: Apache-2.0
// Reads recipes: YAML files of maps with known keys, whose every error is one line,
// "file:line:column: message". One thread.
#pragma once

#include <yaml-cpp/yaml.h>

#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::process {

// What is wrong with a recipe. Thrown while it is read; read_recipe() catches.
struct RecipeFlaw {
  std::string message;  // one line
};

// Throws RecipeFlaw.
[[noreturn]] void recipe_flaw(const std::filesystem::path& file, const YAML::Mark& mark,
                              std::string_view message);

// A map of the file, read key by key. What nobody knows is an error, and so is what is missing and
// must be there. All of it throws RecipeFlaw.
class RecipeSection {
 public:
  // `name` is how messages call it: "the recipe", "kernel".
  RecipeSection(const std::filesystem::path& file, YAML::Node node, std::string name,
                const std::vector<std::string_view>& needed,
                const std::vector<std::string_view>& optional = {});

  bool has(std::string_view key) const { return static_cast<bool>(node(key)); }
  YAML::Node node(std::string_view key) const { return node_[std::string(key)]; }
  YAML::Mark mark() const { return node_.Mark(); }
  // A text that is not empty; a list of such.
  std::string text(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  [[noreturn]] void flaw(std::string_view key, std::string_view message) const;

 private:
  std::string scalar(const YAML::Node& value, std::string_view key) const;

  std::filesystem::path file_;
  YAML::Node node_;
  std::string name_;
};

// The text of a file that a recipe needs. Throws RecipeFlaw.
std::string read_recipe_file(const std::filesystem::path& path);

// Runs `read` and makes what it throws (RecipeFlaw, YAML's own) the error.
template <typename Recipe>
std::expected<Recipe, std::string> read_recipe(const std::filesystem::path& file,
                                               Recipe (*read)(const std::filesystem::path&)) {
  try {
    return read(file);
  } catch (const RecipeFlaw& found) {
    return std::unexpected(found.message);
  } catch (const YAML::Exception& error) {
    return std::unexpected(file.string() + ":" + std::to_string(error.mark.line + 1) + ":" +
                           std::to_string(error.mark.column + 1) + ": " + error.msg);
  }
}

// Names of the recipes in a folder, sorted.
std::vector<std::string> recipe_names(const std::filesystem::path& folder);

}  // namespace hypervet::process
