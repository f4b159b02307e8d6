// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/recipe.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "backends/lab/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;

struct Flaw {
  std::string message;
};

[[noreturn]] void flaw(const fs::path& file, const YAML::Mark& mark, std::string_view message) {
  if (mark.is_null()) throw Flaw{fmt::format("{}: {}", file.string(), message)};
  throw Flaw{fmt::format("{}:{}:{}: {}", file.string(), mark.line + 1, mark.column + 1, message)};
}

// A map of the file, read key by key; what nobody asked for is an error.
class Section {
 public:
  Section(const fs::path& file, YAML::Node node, std::string name,
          std::initializer_list<std::string_view> keys)
      : file_(file), node_(std::move(node)), name_(std::move(name)) {
    if (!node_.IsMap()) flaw(file_, node_.Mark(), fmt::format("{} must be a map", name_));
    for (const auto& entry : node_) {
      const auto key = entry.first.as<std::string>("");
      if (std::ranges::find(keys, key) == keys.end()) {
        flaw(
            file_, entry.first.Mark(),
            fmt::format("unknown key '{}' in {}; there are {}", key, name_, fmt::join(keys, ", ")));
      }
    }
    for (const auto key : keys) {
      if (!node_[std::string(key)])
        flaw(file_, node_.Mark(), fmt::format("{} lacks '{}'", name_, key));
    }
  }

  YAML::Node node(const char* key) const { return node_[key]; }
  std::string text(const char* key) const { return scalar(node_[key], key); }
  std::vector<std::string> texts(const char* key) const {
    const auto list = node_[key];
    if (!list.IsSequence())
      flaw(file_, list.Mark(), fmt::format("'{}' of {} must be a list", key, name_));
    std::vector<std::string> values;
    for (const auto& value : list) values.push_back(scalar(value, key));
    return values;
  }

 private:
  std::string scalar(const YAML::Node& value, const char* key) const {
    if (!value.IsScalar() || value.Scalar().empty())
      flaw(file_, value.Mark(), fmt::format("'{}' of {} must be a text", key, name_));
    return value.Scalar();
  }

  const fs::path& file_;
  YAML::Node node_;
  std::string name_;
};

std::string read_file(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) throw Flaw{file.error()};
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

TimeKeeping read_time(const fs::path& file, const Section& emulator, const char* key) {
  const Section section(file, emulator.node(key), key, {"arguments", "command-line"});
  return {section.texts("arguments"), section.texts("command-line")};
}

void read_kernel(const fs::path& file, const Section& top, Recipe& recipe) {
  const Section section(
      file, top.node("kernel"), "kernel",
      {"package", "version-package", "modules", "modules-if-there", "command-line"});
  recipe.kernel.package = section.text("package");
  recipe.kernel.version_package = section.text("version-package");
  if (!recipe.kernel.version_package.contains(kVersionMark)) {
    flaw(file, section.node("version-package").Mark(),
         fmt::format("'version-package' of kernel must have {} in it", kVersionMark));
  }
  recipe.kernel.modules = section.texts("modules");
  recipe.kernel.modules_if_there = section.texts("modules-if-there");
  recipe.kernel.command_line = section.texts("command-line");
}

void read_emulator(const fs::path& file, const Section& top, Recipe& recipe) {
  const Section section(file, top.node("emulator"), "emulator",
                        {"program", "package", "arguments", "host-time", "instruction-time"});
  recipe.emulator.program = section.text("program");
  recipe.emulator.package = section.text("package");
  recipe.emulator.arguments = section.texts("arguments");
  recipe.emulator.host_time = read_time(file, section, "host-time");
  recipe.emulator.instruction_time = read_time(file, section, "instruction-time");
}

void read_wrongs(const fs::path& file, const Section& top, Recipe& recipe) {
  const auto list = top.node("wrong");
  if (!list.IsSequence()) flaw(file, list.Mark(), "'wrong' of the recipe must be a list");
  for (const auto& entry : list) {
    const Section section(file, entry, "wrong", {"what", "hence"});
    recipe.wrong.push_back({section.text("what"), section.text("hence")});
  }
}

Recipe read(const fs::path& file) {
  Recipe recipe;
  recipe.text = read_file(file);
  const Section top(file, YAML::Load(recipe.text), "the recipe",
                    {"lab", "title", "emulation", "backend", "options", "kernel", "packages",
                     "init", "emulator", "wrong"});
  recipe.name = top.text("lab");
  if (recipe.name != file.stem().string()) {
    flaw(file, top.node("lab").Mark(),
         fmt::format("the lab '{}' must be named as its file", recipe.name));
  }
  recipe.title = top.text("title");
  recipe.emulation = top.text("emulation");
  recipe.backend = top.text("backend");
  recipe.options = top.texts("options");
  read_kernel(file, top, recipe);
  recipe.busybox_package =
      Section(file, top.node("packages"), "packages", {"busybox"}).text("busybox");
  recipe.init = read_file(file.parent_path() / top.text("init"));
  read_emulator(file, top, recipe);
  read_wrongs(file, top, recipe);
  return recipe;
}

}  // namespace

std::expected<Recipe, std::string> load_recipe(const fs::path& file) {
  try {
    return read(file);
  } catch (const Flaw& found) {
    return std::unexpected(found.message);
  } catch (const YAML::Exception& error) {
    return std::unexpected(fmt::format("{}:{}:{}: {}", file.string(), error.mark.line + 1,
                                       error.mark.column + 1, error.msg));
  }
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

}  // namespace hypervet::lab
