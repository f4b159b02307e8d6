// SPDX-License-Identifier: Apache-2.0
// Which hot paths a run is about. Pure functions over immutable specs; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "harness/spec/path.h"

namespace hypervet::measure {

// One path at one point of its matrix, or the contrast of one. Borrows from the Specs that it was
// selected from.
struct PathInstance {
  const spec::Interface* interface = nullptr;
  const spec::Path* path = nullptr;
  const spec::Measure* measure = nullptr;  // the path's own, or its inline contrast
  spec::Binding binding;
  std::string id;  // "kvm.path.ipi[cpus=2]"; of an inline contrast "kvm.path.ipi[cpus=2]/contrast"
};

// In the order of the specs. A glob selects what it matches: one instance by its id, all of a path
// by the path's, all of an interface by the interface's; none: everything. A glob that matches
// nothing is an error that names it.
std::expected<std::vector<PathInstance>, std::string> select_paths(
    const spec::Specs& specs, const std::vector<std::string>& globs);

// What stands against it; nullopt: nothing. That of a path whose contrast is another path is that
// path at the same point. `instance` is no contrast itself.
std::optional<PathInstance> contrast_of(const spec::Specs& specs, const PathInstance& instance);

}  // namespace hypervet::measure
