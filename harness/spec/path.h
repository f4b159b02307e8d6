// SPDX-License-Identifier: Apache-2.0
// What a path means: its loop with all numbers known, and its contrast. Pure functions over
// immutable specs; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "guest-payloads/protocol/paths.h"
#include "harness/spec/clause.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

// One loop with its arguments at one point of the path's matrix.
struct Operation {
  const protocol::PathLoopEntry* loop = nullptr;
  std::array<std::uint64_t, protocol::kPathArguments> arguments{};
  bool user = false;                    // at CPL 3
  std::optional<std::uint64_t> result;  // what each operation must give
  std::uint64_t batch = 0;
  unsigned cpus = 1;  // of the machine
};

// `measure` is the path's own, or its inline contrast.
std::expected<Operation, Diagnostic> operation(const Interface& interface, const Path& path,
                                               const Measure& measure, const Binding& binding);

// A path where it stands.
struct PathPlace {
  const Interface* interface = nullptr;
  const Path* path = nullptr;
};
// nullopt: no path has that id.
std::optional<PathPlace> find_path(const Specs& specs, std::string_view id);

// The point of another path's matrix that has the same values: every parameter of `other` must be
// one of ours, with a value that `other` has too. An error is one line.
std::expected<Binding, std::string> same_point(const Path& other, const Binding& binding);

}  // namespace hypervet::spec
