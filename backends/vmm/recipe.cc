// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include "backends/backend.h"
#include "backends/process/recipe_reader.h"
#include "backends/vmm/command_line.h"

namespace hypervet::vmm {
namespace {

namespace fs = std::filesystem;
using process::recipe_flaw;
using yaml::Mark;
using yaml::Node;
using yaml::quote;
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
  const auto& node = section.node(key);
  if (!node.is_map()) section.flaw(key, fmt::format("'{}' must be a map", key));
  for (const auto& [name, text] : node.entries) {
    if (!text.is_scalar() && !text.is_null())
      section.flaw(key, fmt::format("what stands in '{}' must be texts", key));
    names[name] = text.scalar;
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

Part read_part(const Node& node, const std::string& name) {
  return read_part(Section(node, name, {}, kPartKeys));
}

// Calls `each` with every key, its mark and its value.
template <typename Each>
void each_of(const Node& node, const std::string& name, Each each) {
  if (!node.is_map()) recipe_flaw(node.mark, fmt::format("{} must be a map", name));
  for (std::size_t i = 0; i < node.entries.size(); ++i)
    each(node.entries[i].first, node.key_marks[i], node.entries[i].second);
}

Choice read_choice(const Node& node, const std::string& name) {
  Choice choice;
  choice.name = name;
  each_of(node, name, [&](const std::string& value, const auto&, const auto& part) {
    choice.values.emplace_back(value, read_part(part, fmt::format("{} {}", name, value)));
  });
  if (choice.values.empty()) recipe_flaw(node.mark, fmt::format("{} is empty", name));
  return choice;
}

const backends::Setting* known_setting(std::string_view name) {
  const auto& all = backends::known_settings();
  const auto at = std::ranges::find(all, name, &backends::Setting::name);
  return at == all.end() ? nullptr : &*at;
}

// What hypervet itself asks for; a misspelt one would never be asked for.
void check_value(const Mark& at, std::string_view setting, std::string_view value) {
  const auto* known = known_setting(setting);
  if (known == nullptr)
    recipe_flaw(at,
                fmt::format("there is no setting {} (hypervet doctor --settings)", quote(setting)));
  if (std::ranges::find(known->values, value) == known->values.end()) {
    recipe_flaw(at, fmt::format("there is no {} {}; there are {}", setting, quote(value),
                                fmt::join(known->values, ", ")));
  }
}

Device read_device(const Node& node, const std::string& name, const Recipe& recipe) {
  const Section section(node, name, {}, with({"transports", "variants"}));
  Device device;
  device.part = read_part(section);
  if (section.has("transports")) device.transports = section.texts("transports");
  for (const auto& transport : device.transports) {
    if (recipe.transports.find(transport) == nullptr)
      section.flaw("transports", fmt::format("the recipe has no transport {}", quote(transport)));
  }
  if (section.has("variants")) {
    each_of(section.node("variants"), name + " variants",
            [&](const std::string& variant, const Mark& at, const Node& part) {
              check_value(at, "variant", variant);
              device.variants[variant] = read_part(part, name + " " + variant);
            });
  }
  return device;
}

void read_machine(const Section& top, Recipe& recipe) {
  if (top.has("options")) {
    each_of(top.node("options"), "options",
            [&](const std::string& name, const auto&, const Node& values) {
              recipe.options.push_back(read_choice(values, name));
            });
  }
  if (top.has("settings")) {
    each_of(top.node("settings"), "settings",
            [&](const std::string& name, const Mark& at, const Node& values) {
              auto choice = read_choice(values, name);
              for (const auto& [value, part] : choice.values) check_value(at, name, value);
              recipe.settings.push_back(std::move(choice));
            });
  }
  if (top.has("transports")) {
    recipe.transports = read_choice(top.node("transports"), "transports");
    for (const auto& [value, part] : recipe.transports.values)
      check_value(top.node("transports").mark, "transport", value);
  }
  if (top.has("variants")) {
    each_of(top.node("variants"), "variants",
            [&](const std::string& name, const Mark& at, const Node& part) {
              check_value(at, "variant", name);
              recipe.variants[name] = read_part(part, name);
            });
  }
  if (top.has("devices")) {
    each_of(top.node("devices"), "devices",
            [&](const std::string& name, const Mark& at, const Node& node) {
              check_value(at, "device", name);
              recipe.devices[name] = read_device(node, name, recipe);
            });
  }
}

MonitorVerb read_verb(const std::string& name, const Mark& at, const Node& node) {
  const auto* entry = std::ranges::find(protocol::kHostVerbs, name, &protocol::HostVerbEntry::name);
  if (entry == std::end(protocol::kHostVerbs))
    recipe_flaw(at, fmt::format("there is no host verb {}", quote(name)));
  const Section section(node, name, {"execute"}, {"arguments", "result"});
  MonitorVerb verb;
  verb.verb = entry->verb;
  verb.execute = section.text("execute");
  if (section.has("result")) verb.result = section.text("result");
  if (!section.has("arguments")) return verb;
  each_of(section.node("arguments"), name + " arguments",
          [&](const std::string& key, const auto&, const Node& value) {
            if (!value.is_scalar()) section.flaw("arguments", key + " must be a text");
            verb.arguments[key] = value.scalar;
            for (const auto& used : names_in(value.scalar)) {
              if (used != "memory" &&
                  std::ranges::find(entry->arguments, used) == std::end(entry->arguments)) {
                recipe_flaw(value.mark, fmt::format("{} has no argument '{}'", name, used));
              }
            }
          });
  return verb;
}

void read_monitor(const Section& top, Recipe& recipe) {
  if (!top.has("monitor")) return;
  const Section section(top.node("monitor"), "monitor", {"arguments"}, with({"verbs"}));
  recipe.monitor = read_part(section);
  if (!section.has("verbs")) return;
  each_of(section.node("verbs"), "verbs",
          [&](const std::string& name, const Mark& at, const Node& node) {
            recipe.verbs.push_back(read_verb(name, at, node));
          });
}

void collect_names(const Node& node, std::set<std::string, std::less<>>& names) {
  for (const auto& each : node.items) collect_names(each, names);
  for (const auto& [key, value] : node.entries) {
    if (key == "names")
      for (const auto& [name, text] : value.entries) names.insert(name);
    collect_names(value, names);
  }
}

// A name that nothing can stand for is found when the recipe is read, not when a machine is made.
void check_names(const Node& node, const std::set<std::string, std::less<>>& names) {
  for (const auto& used : names_in(node.scalar)) {
    if (!names.contains(used)) {
      recipe_flaw(node.mark,
                  fmt::format("nothing is called '${}' here; hypervet's own names are {}", used,
                              fmt::join(kOwnNames, ", ")));
    }
  }
  for (const auto& each : node.items) check_names(each, names);
  for (const auto& [key, value] : node.entries)
    if (key != "verbs") check_names(value, names);
}

void read_version(const Section& top, Recipe& recipe) {
  const Section section(top.node("version"), "version", {"arguments"}, {"pattern"});
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
  const auto& text = top.node("cpus").scalar;
  const char* end = text.data() + text.size();
  unsigned count = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || stop != end || count == 0 || count > protocol::kMaxCpus)
    top.flaw("cpus", fmt::format("'cpus' is a number from 1 to {}", protocol::kMaxCpus));
  return count;
}

Recipe read(const Node& tree) {
  Recipe recipe;
  const Section top(
      tree, "the recipe", {"vmm", "title", "provider", "program", "version", "arguments"},
      {"package", "cpus", "words", "names", "needs", "refuse", "files", "serial", "no-input",
       "memory", "monitor", "options", "settings", "transports", "variants", "devices"});
  recipe.name = top.text("vmm");
  if (recipe.name != fs::path(tree.mark.file->path).stem().string()) {
    top.flaw("vmm", fmt::format("the recipe {} must be named as its file", quote(recipe.name)));
  }
  recipe.title = top.text("title");
  recipe.provider = top.text("provider");
  recipe.program = top.text("program");
  if (top.has("package")) recipe.package = top.text("package");
  recipe.cpus = read_cpus(top);
  read_version(top, recipe);
  recipe.common = read_part(top);
  recipe.files = read_names(top, "files");
  if (top.has("serial")) recipe.serial = read_part(top.node("serial"), "serial");
  if (top.has("no-input")) recipe.no_input = top.text("no-input");
  if (top.has("memory")) recipe.memory = read_part(top.node("memory"), "memory");
  read_machine(top, recipe);
  read_monitor(top, recipe);
  std::set<std::string, std::less<>> names(kOwnNames.begin(), kOwnNames.end());
  for (const auto& option : recipe.options) names.insert(option.name);
  for (const auto& [name, text] : recipe.files) names.insert(name);
  collect_names(tree, names);
  check_names(tree, names);
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
