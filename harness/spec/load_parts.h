// SPDX-License-Identifier: Apache-2.0
// The parts of the loader, a concept each. Internal to load*.cc; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/spec/clause.h"
#include "harness/spec/fields.h"
#include "harness/spec/names.h"

namespace hypervet::spec {

inline constexpr std::uint64_t kMaxParameterValues = 4096;  // of one parameter
inline constexpr std::uint64_t kMaxInstances = 65536;       // of one case: the product
inline constexpr std::uint64_t kMaxStructureSize = 4096;    // what one `read` can bring

// What has been seen of all files so far.
struct Seen {
  std::map<std::string, Mark> interfaces;
  std::map<std::string, Mark> clauses;
  std::map<std::string, Mark> paths;
  std::map<std::string, std::vector<FeatureUse>> feature_requires;  // of each feature, with marks
};

// What the parts of one interface share.
struct Loading {
  Interface& interface;
  Names names;  // its constants
  Seen& seen;
  Specs& specs;  // features go there
  Problems& problems;
};

// "the clause 'x' is already in file:3:5".
std::string already(std::string_view what, std::string_view name, const Mark& first);

// load_declarations.cc
void load_constants(const Node& node, Loading& loading);
void load_structures(const Node& node, Loading& loading);
void load_features(const Node& node, Loading& loading);

// load_case.cc
void load_machine(const Node& node, MachineRequest& machine, Loading& loading);
void load_requires(const Node& node, std::vector<std::string>& features, Loading& loading);
void load_parameters(const Node& node, Case& a_case, Loading& loading);
// What a clause's cases have unless they say otherwise.
struct CaseDefaults {
  MachineRequest machine;
  std::vector<std::string> requires_;
  std::optional<On> on;
  Mark on_mark;
};
Case load_case(Node node, const CaseDefaults& defaults, Loading& loading);

// load_on.cc
std::optional<On> load_on(const Node& node, Loading& loading);
void add_parameters(const On& on, const Mark& mark, Case& a_case);

// load_clause.cc
void load_clause(Node node, const MachineRequest& machine,
                 const std::vector<std::string>& requires_, Loading& loading);

// load_path.cc
void load_path(const Node& node, const MachineRequest& machine,
               const std::vector<std::string>& requires_, Loading& loading);

}  // namespace hypervet::spec
