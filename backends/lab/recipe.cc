// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/recipe.h"

#include <fmt/format.h>

#include <string_view>

#include "backends/process/recipe_reader.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;

using process::read_recipe_file;
using process::recipe_flaw;
using Section = process::RecipeSection;

TimeKeeping read_time(const Section& emulator, const char* key) {
  const Section section(emulator.node(key), key, {"arguments", "command-line"});
  return {section.texts("arguments"), section.texts("command-line")};
}

void read_kernel(const Section& top, Recipe& recipe) {
  const Section section(
      top.node("kernel"), "kernel",
      {"package", "version-package", "modules", "modules-if-there", "command-line"});
  recipe.kernel.package = section.text("package");
  recipe.kernel.version_package = section.text("version-package");
  if (!recipe.kernel.version_package.contains(kVersionMark)) {
    recipe_flaw(section.node("version-package").mark,
                fmt::format("'version-package' of kernel must have {} in it", kVersionMark));
  }
  recipe.kernel.modules = section.texts("modules");
  recipe.kernel.modules_if_there = section.texts("modules-if-there");
  recipe.kernel.command_line = section.texts("command-line");
}

void read_emulator(const Section& top, Recipe& recipe) {
  const Section section(top.node("emulator"), "emulator",
                        {"program", "package", "arguments", "host-time", "instruction-time"});
  recipe.emulator.program = section.text("program");
  recipe.emulator.package = section.text("package");
  recipe.emulator.arguments = section.texts("arguments");
  recipe.emulator.host_time = read_time(section, "host-time");
  recipe.emulator.instruction_time = read_time(section, "instruction-time");
}

void read_wrongs(const Section& top, Recipe& recipe) {
  const auto& list = top.node("wrong");
  if (!list.is_list()) recipe_flaw(list.mark, "'wrong' of the recipe must be a list");
  for (const auto& entry : list.items) {
    const Section section(entry, "wrong", {"what", "hence"});
    recipe.wrong.push_back({section.text("what"), section.text("hence")});
  }
}

Recipe read(const yaml::Node& tree) {
  Recipe recipe;
  const fs::path file = tree.mark.file->path;
  recipe.text = tree.mark.file->text;
  const Section top(tree, "the recipe",
                    {"lab", "title", "emulation", "backend", "options", "kernel", "packages",
                     "init", "emulator", "wrong"});
  recipe.name = top.text("lab");
  if (recipe.name != file.stem().string()) {
    recipe_flaw(top.node("lab").mark,
                fmt::format("the lab {} must be named as its file", yaml::quote(recipe.name)));
  }
  recipe.title = top.text("title");
  recipe.emulation = top.text("emulation");
  recipe.backend = top.text("backend");
  recipe.options = top.texts("options");
  read_kernel(top, recipe);
  recipe.busybox_package = Section(top.node("packages"), "packages", {"busybox"}).text("busybox");
  recipe.init = read_recipe_file(file.parent_path() / top.text("init"));
  read_emulator(top, recipe);
  read_wrongs(top, recipe);
  return recipe;
}

}  // namespace

std::expected<Recipe, std::string> load_recipe(const fs::path& file) {
  return process::read_recipe(file, read);
}

}  // namespace hypervet::lab
