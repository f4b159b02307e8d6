// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include "harness/spec/load_parts.h"
#include "harness/spec/suggest.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHashStart = 0xcbf2'9ce4'8422'2325;  // FNV-1a

std::uint64_t hash(std::string_view text, std::uint64_t sum) {
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return sum;
}

void load_source(const Node& node, Source& source, Problems& problems) {
  static constexpr std::array<std::string_view, 2> kKeys = {"document", "version"};
  if (!check_map(node, "source", kKeys, problems)) return;
  if (const Node* document = require(node, "document", "source", problems)) {
    source.document = read_text(*document, "document", problems).value_or("");
  }
  if (const Node* version = require(node, "version", "source", problems)) {
    source.version = read_text(*version, "version", problems).value_or("");
  }
}

void load_interface_id(const Node& node, Interface& interface, Seen& seen, Problems& problems) {
  const auto id = read_text(node, "interface", problems);
  if (!id) return;
  interface.id = *id;
  interface.mark = node.mark;
  if (!is_id(*id)) {
    problems.add(node.mark,
                 fmt::format("{} is not an id: lower-case words joined by '.' or '-'", quote(*id)));
  }
  const auto [first, fresh] = seen.interfaces.emplace(*id, node.mark);
  if (!fresh) problems.add(node.mark, already("interface", *id, first->second));
}

void load_clauses(Node node, const MachineRequest& machine,
                  const std::vector<std::string>& features, Loading& loading) {
  if (!node.is_list()) {
    loading.problems.add(node.mark, fmt::format("clauses is a list, not {}", kind_name(node)));
    return;
  }
  for (Node& each : node.items) load_clause(std::move(each), machine, features, loading);
}

void load_paths(const Node& node, const MachineRequest& machine,
                const std::vector<std::string>& features, Loading& loading) {
  if (!node.is_list()) {
    loading.problems.add(node.mark, fmt::format("paths is a list, not {}", kind_name(node)));
    return;
  }
  for (const Node& each : node.items) load_path(each, machine, features, loading);
}

void load_interface(Node document, Specs& specs, Seen& seen, Problems& problems) {
  static constexpr std::array<std::string_view, 10> kKeys = {
      "interface", "title",      "source",   "requires", "machine",
      "constants", "structures", "features", "clauses",  "paths"};
  if (document.is_null()) {
    problems.add(document.mark, "the document is empty");
    return;
  }
  if (!check_map(document, "an interface", kKeys, problems)) return;
  Interface interface;
  interface.mark = document.mark;
  if (const Node* id = require(document, "interface", "an interface", problems)) {
    load_interface_id(*id, interface, seen, problems);
  }
  if (const Node* title = require(document, "title", "an interface", problems)) {
    interface.title = read_text(*title, "title", problems).value_or("");
  }
  if (const Node* source = require(document, "source", "an interface", problems)) {
    load_source(*source, interface.source, problems);
  }
  Loading loading{interface, {}, seen, specs, problems};
  if (const Node* constants = optional(document, "constants")) load_constants(*constants, loading);
  if (const Node* structures = optional(document, "structures"))
    load_structures(*structures, loading);
  if (const Node* features = optional(document, "features")) load_features(*features, loading);
  MachineRequest machine;
  if (const Node* wanted = optional(document, "machine")) load_machine(*wanted, machine, loading);
  std::vector<std::string> features;
  if (const Node* wanted = optional(document, "requires"))
    load_requires(*wanted, features, loading);
  if (optional(document, "clauses") != nullptr) {
    load_clauses(std::move(*document.find("clauses")), machine, features, loading);
  }
  if (const Node* paths = optional(document, "paths")) {
    load_paths(*paths, machine, features, loading);
  }
  specs.interfaces.push_back(std::move(interface));
}

// A feature requires only known ones, and never itself by a detour.
class FeatureGraph {
 public:
  FeatureGraph(const Specs& specs, const Seen& seen, Problems& problems)
      : specs_(specs), seen_(seen), problems_(problems) {
    for (const auto& [name, feature] : specs.features) known_.push_back(name);
  }

  void check() {
    for (const std::string& name : known_) visit(name);
  }

 private:
  enum class State { kNew, kOpen, kDone };

  // Depth first without recursion: a chain of features may be as long as the file.
  void visit(const std::string& start) {
    if (states_[start] != State::kNew) return;
    std::vector<std::pair<std::string, std::size_t>> path = {{start, 0}};
    states_[start] = State::kOpen;
    while (!path.empty()) {
      const std::vector<FeatureUse>& uses = seen_.feature_requires.at(path.back().first);
      if (path.back().second == uses.size()) {
        states_[path.back().first] = State::kDone;
        path.pop_back();
        continue;
      }
      const FeatureUse& use = uses[path.back().second++];
      if (!specs_.features.contains(use.name)) {
        problems_.add(use.mark, fmt::format("unknown feature {}{}", quote(use.name),
                                            did_you_mean(use.name, known_)));
      } else if (states_[use.name] == State::kOpen) {
        problems_.add(use.mark, fmt::format("the feature {} requires itself", quote(use.name)));
      } else if (states_[use.name] == State::kNew) {
        states_[use.name] = State::kOpen;
        path.emplace_back(use.name, 0);
      }
    }
  }

  const Specs& specs_;
  const Seen& seen_;
  Problems& problems_;
  std::vector<std::string> known_;
  std::map<std::string, State> states_;
};

std::expected<Specs, Diagnostics> load_sources(
    const std::vector<std::shared_ptr<const SourceFile>>& files, Problems& problems) {
  Specs specs;
  Seen seen;
  specs.hash = kHashStart;
  for (const auto& file : files) {
    specs.hash = hash(file->text, specs.hash);
    auto documents = parse_yaml(file);
    if (!documents) {
      problems.add(std::move(documents.error()));
      continue;
    }
    for (Node& document : *documents) load_interface(std::move(document), specs, seen, problems);
  }
  FeatureGraph(specs, seen, problems).check();
  if (!problems.empty()) return std::unexpected(problems.take());
  return specs;
}

void problem_with(const fs::path& path, std::string message, Problems& problems) {
  problems.add({std::make_shared<const SourceFile>(path.string(), ""), 0, 0}, std::move(message));
}

std::vector<fs::path> files_of(const fs::path& folder, Problems& problems) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::recursive_directory_iterator each(folder, error);
  for (; !error && each != fs::recursive_directory_iterator(); each.increment(error)) {
    std::error_code ignored;
    if (each->path().extension() == ".yaml" && !each->is_directory(ignored))
      found.push_back(each->path());
  }
  if (error) {
    problem_with(folder, fmt::format("cannot be read: {}", error.message()), problems);
  } else if (found.empty()) {
    problem_with(folder, "there is no *.yaml in this folder", problems);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::expected<Specs, Diagnostics> load(std::span<const std::filesystem::path> paths) {
  Problems problems;
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      std::ranges::move(files_of(path, problems), std::back_inserter(files));
    } else {
      files.push_back(path);
    }
  }
  std::vector<std::shared_ptr<const SourceFile>> sources;
  std::set<fs::path> seen;
  for (const fs::path& file : files) {
    std::error_code ignored;
    // The same file named twice, or by its folder as well, is read once.
    if (!seen.insert(fs::weakly_canonical(file, ignored)).second) continue;
    auto source = read_source(file);
    if (source) {
      sources.push_back(*std::move(source));
    } else {
      problems.add(std::move(source.error()));
    }
  }
  std::ranges::sort(sources, {}, [](const auto& source) { return std::string_view(source->path); });
  return load_sources(sources, problems);
}

std::expected<Specs, Diagnostics> load_text(std::string_view text, const std::string& name) {
  Problems problems;
  return load_sources({std::make_shared<const SourceFile>(name, std::string(text))}, problems);
}

}  // namespace hypervet::spec
