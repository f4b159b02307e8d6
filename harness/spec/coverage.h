// SPDX-License-Identifier: Apache-2.0
// How much of each interface is checked: what `hypervet coverage` counts and which cells are empty.
// Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/spec/clause.h"

namespace hypervet::spec {

// A clause that lacks something.
struct EmptyCell {
  std::string clause;
  std::string lacks;  // "cases", "violations"
  Mark mark;
};

struct Coverage {
  std::string interface;
  std::string title;
  std::size_t clauses = 0;
  std::size_t untestable = 0;
  std::size_t with_cases = 0;  // clauses
  std::size_t cases = 0;
  std::size_t instances = 0;  // points of the cases' matrices
  std::size_t paths = 0;      // hot paths, which are timed and not judged
  std::size_t violations = 0;
  std::vector<EmptyCell> empty;  // in the order of the file

  std::size_t testable() const { return clauses - untestable; }
};

// One for each interface, in the order of the files.
std::vector<Coverage> coverage(const Specs& specs);
// All together, under the name "all".
Coverage total(const std::vector<Coverage>& each);

// Points of the case's matrix; 1 without parameters.
std::size_t instances(const Case& a_case);

}  // namespace hypervet::spec
