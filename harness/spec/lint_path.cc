// SPDX-License-Identifier: Apache-2.0
// A path: its loop and arguments at every point of its matrix, and a contrast that exists.
#include <fmt/format.h>

#include "harness/spec/lint_parts.h"
#include "harness/spec/path.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

// False: a problem was added.
bool check(const Interface& interface, const Path& path, const Measure& measure,
           const Binding& binding, Problems& problems) {
  const auto made = operation(interface, path, measure, binding);
  if (!made) problems.add(made.error());
  return made.has_value();
}

bool check_contrast(const Specs& specs, const Path& path, const Binding& binding,
                    Problems& problems) {
  const auto other = find_path(specs, path.contrast_id);
  if (!other) {
    std::vector<std::string_view> known;
    for (const Interface& interface : specs.interfaces) {
      for (const Path& each : interface.paths) known.push_back(each.id);
    }
    problems.add(path.contrast_mark, fmt::format("unknown path {}{}", quote(path.contrast_id),
                                                 did_you_mean(path.contrast_id, known)));
    return false;
  }
  if (other->path == &path) {
    problems.add(path.contrast_mark, "a path is no contrast to itself");
    return false;
  }
  if (const auto point = same_point(*other->path, binding); !point) {
    problems.add(path.contrast_mark, point.error());
    return false;
  }
  return true;
}

}  // namespace

void lint_path(const Specs& specs, const Interface& interface, const Path& path,
               Problems& problems) {
  for (const Binding& binding : bindings(path.conditions)) {
    // One point that is wrong is enough.
    if (!check(interface, path, path.measure, binding, problems)) return;
    if (path.contrast && !check(interface, path, *path.contrast, binding, problems)) return;
    if (!path.contrast_id.empty() && !check_contrast(specs, path, binding, problems)) return;
  }
}

}  // namespace hypervet::spec
