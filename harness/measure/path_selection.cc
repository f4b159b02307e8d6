// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/path_selection.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/run/select.h"

namespace hypervet::measure {

std::expected<std::vector<PathInstance>, std::string> select_paths(
    const spec::Specs& specs, const std::vector<std::string>& globs) {
  std::vector<PathInstance> selected;
  std::vector<bool> used(globs.size());
  for (const spec::Interface& interface : specs.interfaces) {
    for (const spec::Path& path : interface.paths) {
      for (spec::Binding& binding : spec::bindings(path.conditions)) {
        std::string id = spec::instance_id(path, binding);
        bool wanted = globs.empty();
        for (std::size_t i = 0; i < globs.size(); ++i) {
          const bool hit = run::matches(globs[i], id) || run::matches(globs[i], path.id) ||
                           run::matches(globs[i], interface.id);
          used[i] = used[i] || hit;
          wanted = wanted || hit;
        }
        if (wanted) {
          selected.push_back({&interface, &path, &path.measure, std::move(binding), std::move(id)});
        }
      }
    }
  }
  if (const auto idle = std::ranges::find(used, false); idle != used.end()) {
    return std::unexpected(fmt::format(
        "no path matches {}", spec::quote(globs[static_cast<std::size_t>(idle - used.begin())])));
  }
  return selected;
}

std::optional<PathInstance> contrast_of(const spec::Specs& specs, const PathInstance& instance) {
  const spec::Path& path = *instance.path;
  if (path.contrast) {
    return PathInstance{instance.interface, &path, &*path.contrast, instance.binding,
                        instance.id + "/contrast"};
  }
  const auto other = spec::find_path(specs, path.contrast_id);
  if (!other) return std::nullopt;
  auto point = spec::same_point(*other->path, instance.binding);
  if (!point) return std::nullopt;
  std::string id = spec::instance_id(*other->path, *point);
  return PathInstance{other->interface, other->path, &other->path->measure, *std::move(point),
                      std::move(id)};
}

}  // namespace hypervet::measure
