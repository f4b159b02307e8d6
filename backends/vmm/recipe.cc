// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <set>

#include "backends/backend.h"
#include "backends/process/recipe_reader.h"
#include "backends/vmm/command_line.h"

namespace hypervet::vmm {
namespace {

namespace fs = std::filesystem;
using process::recipe_flaw;
using Section = process::RecipeSection;

constexpr std::string_view kAnyVersion = R"(([0-9]+(\.[0-9]+)+))";
const std::vector<std::string_view> kPartKeys = {"arguments", "words",  "names",
                                                 "needs",     "refuse", "without"};

std::vector<std::string_view> with(std::vector<std::string_view> keys) {
  keys.insert(keys.end(), kPartKeys.begin(), kPartKeys.end());
  return keys;
}

Names read_names(const Section& section, std::string_view key) {
  Names names;
  if (!section.has(key)) return names;
  const auto node = section.node(key);
  if (!node.IsMap()) section.flaw(key, fmt::format("'{}' must be a map", key));
  for (const auto& entry : node) {
    if (!entry.second.IsScalar() && !entry.second.IsNull())
      section.flaw(key, fmt::format("what stands in '{}' must be texts", key));
    names[entry.first.as<std::string>("")] = entry.second.as<std::string>("");
  }
  return names;
}

Part read_part(const Section& section) {
  Part part;
  if (section.has("arguments")) part.arguments = section.texts("arguments");
  if (section.has("words")) part.words = section.texts("words");
  if (section.has("needs")) part.needs = section.text("needs");
  if (section.has("refuse")) part.refuse = section.text("refuse");
  part.names = read_names(section, "names");
  part.without = read_names(section, "without");
  return part;
}

Part read_part(const fs::path& file, const YAML::Node& node, const std::string& name) {
  return read_part(Section(file, node, name, {}, kPartKeys));
}

template <typename Each>
void each_of(const fs::path& file, const YAML::Node& node, const std::string& name, Each each) {
  if (!node.IsMap()) recipe_flaw(file, node.Mark(), fmt::format("{} must be a map", name));
  for (const auto& entry : node) each(entry.first.as<std::string>(""), entry.first, entry.second);
}

Choice read_choice(const fs::path& file, const YAML::Node& node, const std::string& name) {
  Choice choice;
  choice.name = name;
  each_of(file, node, name, [&](const std::string& value, const auto&, const auto& part) {
    choice.values.emplace_back(value, read_part(file, part, fmt::format("{} {}", name, value)));
  });
  if (choice.values.empty()) recipe_flaw(file, node.Mark(), fmt::format("{} is empty", name));
  return choice;
}

const backends::Setting* known_setting(std::string_view name) {
  const auto& all = backends::known_settings();
  const auto at = std::ranges::find(all, name, &backends::Setting::name);
  return at == all.end() ? nullptr : &*at;
}

// What hypervet itself asks for; a misspelt one would never be asked for.
void check_value(const fs::path& file, const YAML::Node& at, std::string_view setting,
                 std::string_view value) {
  const auto* known = known_setting(setting);
  if (known == nullptr)
    recipe_flaw(file, at.Mark(),
                fmt::format("there is no setting '{}' (hypervet doctor --settings)", setting));
  if (std::ranges::find(known->values, value) == known->values.end()) {
    recipe_flaw(file, at.Mark(),
                fmt::format("there is no {} '{}'; there are {}", setting, value,
                            fmt::join(known->values, ", ")));
  }
}

Device read_device(const fs::path& file, const YAML::Node& node, const std::string& name,
                   const Recipe& recipe) {
  const Section section(file, node, name, {}, with({"transports", "variants"}));
  Device device;
  device.part = read_part(section);
  if (section.has("transports")) device.transports = section.texts("transports");
  for (const auto& transport : device.transports) {
    if (recipe.transports.find(transport) == nullptr)
      section.flaw("transports", fmt::format("the recipe has no transport '{}'", transport));
  }
  if (section.has("variants")) {
    each_of(file, section.node("variants"), name + " variants",
            [&](const std::string& variant, const YAML::Node& at, const YAML::Node& part) {
              check_value(file, at, "variant", variant);
              device.variants[variant] = read_part(file, part, name + " " + variant);
            });
  }
  return device;
}

void read_machine(const fs::path& file, const Section& top, Recipe& recipe) {
  if (top.has("options")) {
    each_of(file, top.node("options"), "options",
            [&](const std::string& name, const auto&, const YAML::Node& values) {
              recipe.options.push_back(read_choice(file, values, name));
            });
  }
  if (top.has("settings")) {
    each_of(file, top.node("settings"), "settings",
            [&](const std::string& name, const YAML::Node& at, const YAML::Node& values) {
              auto choice = read_choice(file, values, name);
              for (const auto& [value, part] : choice.values) check_value(file, at, name, value);
              recipe.settings.push_back(std::move(choice));
            });
  }
  if (top.has("transports")) {
    recipe.transports = read_choice(file, top.node("transports"), "transports");
    for (const auto& [value, part] : recipe.transports.values)
      check_value(file, top.node("transports"), "transport", value);
  }
  if (top.has("variants")) {
    each_of(file, top.node("variants"), "variants",
            [&](const std::string& name, const YAML::Node& at, const YAML::Node& part) {
              check_value(file, at, "variant", name);
              recipe.variants[name] = read_part(file, part, name);
            });
  }
  if (top.has("devices")) {
    each_of(file, top.node("devices"), "devices",
            [&](const std::string& name, const YAML::Node& at, const YAML::Node& node) {
              check_value(file, at, "device", name);
              recipe.devices[name] = read_device(file, node, name, recipe);
            });
  }
}

MonitorVerb read_verb(const fs::path& file, const std::string& name, const YAML::Node& at,
                      const YAML::Node& node) {
  const auto* entry = std::ranges::find(protocol::kHostVerbs, name, &protocol::HostVerbEntry::name);
  if (entry == std::end(protocol::kHostVerbs))
    recipe_flaw(file, at.Mark(), fmt::format("there is no host verb '{}'", name));
  const Section section(file, node, name, {"execute"}, {"arguments", "result"});
  MonitorVerb verb;
  verb.verb = entry->verb;
  verb.execute = section.text("execute");
  if (section.has("result")) verb.result = section.text("result");
  if (!section.has("arguments")) return verb;
  each_of(file, section.node("arguments"), name + " arguments",
          [&](const std::string& key, const auto&, const YAML::Node& value) {
            if (!value.IsScalar()) section.flaw("arguments", key + " must be a text");
            verb.arguments[key] = value.Scalar();
            for (const auto& used : names_in(value.Scalar())) {
              if (used != "memory" &&
                  std::ranges::find(entry->arguments, used) == std::end(entry->arguments)) {
                recipe_flaw(file, value.Mark(), fmt::format("{} has no argument '{}'", name, used));
              }
            }
          });
  return verb;
}

void read_monitor(const fs::path& file, const Section& top, Recipe& recipe) {
  if (!top.has("monitor")) return;
  const Section section(file, top.node("monitor"), "monitor", {"arguments"}, with({"verbs"}));
  recipe.monitor = read_part(section);
  if (!section.has("verbs")) return;
  each_of(file, section.node("verbs"), "verbs",
          [&](const std::string& name, const YAML::Node& at, const YAML::Node& node) {
            recipe.verbs.push_back(read_verb(file, name, at, node));
          });
}

void collect_names(const YAML::Node& node, std::set<std::string, std::less<>>& names) {
  if (node.IsSequence()) {
    for (const auto& each : node) collect_names(each, names);
  } else if (node.IsMap()) {
    for (const auto& entry : node) {
      if (entry.first.as<std::string>("") == "names" && entry.second.IsMap())
        for (const auto& name : entry.second) names.insert(name.first.as<std::string>(""));
      collect_names(entry.second, names);
    }
  }
}

// A name that nothing can stand for is found when the recipe is read, not when a machine is made.
void check_names(const fs::path& file, const YAML::Node& node,
                 const std::set<std::string, std::less<>>& names) {
  if (node.IsScalar()) {
    for (const auto& used : names_in(node.Scalar())) {
      if (!names.contains(used)) {
        recipe_flaw(file, node.Mark(),
                    fmt::format("nothing is called '${}' here; hypervet's own names are {}", used,
                                fmt::join(kOwnNames, ", ")));
      }
    }
  } else if (node.IsSequence()) {
    for (const auto& each : node) check_names(file, each, names);
  } else if (node.IsMap()) {
    for (const auto& entry : node)
      if (entry.first.as<std::string>("") != "verbs") check_names(file, entry.second, names);
  }
}

void read_version(const fs::path& file, const Section& top, Recipe& recipe) {
  const Section section(file, top.node("version"), "version", {"arguments"}, {"pattern"});
  recipe.version_arguments = section.texts("arguments");
  recipe.version_pattern = section.has("pattern") ? section.text("pattern") : kAnyVersion;
  try {
    if (std::regex(recipe.version_pattern).mark_count() == 0)
      section.flaw("pattern", "'pattern' needs a group: what is the version");
  } catch (const std::regex_error&) {
    section.flaw("pattern", "'pattern' is no regular expression");
  }
}

unsigned read_cpus(const Section& top) {
  if (!top.has("cpus")) return protocol::kMaxCpus;
  const auto count = top.node("cpus").as<unsigned>(0);
  if (count == 0 || count > protocol::kMaxCpus)
    top.flaw("cpus", fmt::format("'cpus' is a number from 1 to {}", protocol::kMaxCpus));
  return count;
}

Recipe read(const fs::path& file) {
  Recipe recipe;
  const auto tree = YAML::Load(process::read_recipe_file(file));
  const Section top(
      file, tree, "the recipe", {"vmm", "title", "provider", "program", "version", "arguments"},
      {"package", "cpus", "words", "names", "needs", "refuse", "files", "serial", "memory",
       "monitor", "options", "settings", "transports", "variants", "devices"});
  recipe.name = top.text("vmm");
  if (recipe.name != file.stem().string()) {
    top.flaw("vmm", fmt::format("the recipe '{}' must be named as its file", recipe.name));
  }
  recipe.title = top.text("title");
  recipe.provider = top.text("provider");
  recipe.program = top.text("program");
  if (top.has("package")) recipe.package = top.text("package");
  recipe.cpus = read_cpus(top);
  read_version(file, top, recipe);
  recipe.common = read_part(top);
  recipe.files = read_names(top, "files");
  if (top.has("serial")) recipe.serial = read_part(file, top.node("serial"), "serial");
  if (top.has("memory")) recipe.memory = read_part(file, top.node("memory"), "memory");
  read_machine(file, top, recipe);
  read_monitor(file, top, recipe);
  std::set<std::string, std::less<>> names(kOwnNames.begin(), kOwnNames.end());
  for (const auto& option : recipe.options) names.insert(option.name);
  for (const auto& [name, text] : recipe.files) names.insert(name);
  collect_names(tree, names);
  check_names(file, tree, names);
  return recipe;
}

}  // namespace

const Part* Choice::find(std::string_view value) const {
  const auto at = std::ranges::find(values, value, &std::pair<std::string, Part>::first);
  return at == values.end() ? nullptr : &at->second;
}

std::expected<Recipe, std::string> load_recipe(const fs::path& file) {
  return process::read_recipe(file, read);
}

}  // namespace hypervet::vmm
