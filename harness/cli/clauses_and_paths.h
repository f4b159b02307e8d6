// SPDX-License-Identifier: Apache-2.0
// What the ids that list and explain take may name: clauses and hot paths alike. Main thread only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/spec/path.h"

namespace hypervet::cli {

struct ClausesAndPaths {
  std::vector<std::pair<const spec::Interface*, const spec::Clause*>> clauses;
  std::vector<std::pair<const spec::Interface*, const spec::Path*>> paths;
};

// In the order of the specs; no globs: everything. Throws Exit{kUsage} for a glob that matches
// neither.
ClausesAndPaths find_clauses_and_paths(const spec::Specs& specs,
                                       const std::vector<std::string>& globs);

}  // namespace hypervet::cli
