// SPDX-License-Identifier: Apache-2.0
// Which case instances a run is about: globs, level, shard. Pure functions over immutable specs;
// any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "harness/spec/clause.h"

namespace hypervet::run {

// One executable point of the whole suite. Borrows from the Specs it was selected from.
struct Instance {
  const spec::Interface* interface = nullptr;
  const spec::Clause* clause = nullptr;
  const spec::Case* the_case = nullptr;
  spec::Binding binding;
  std::string id;  // spec::instance_id
};

struct Shard {
  unsigned index = 1;  // from 1
  unsigned count = 1;
};

struct Selection {
  std::vector<std::string> globs{};       // none: everything
  spec::Level level = spec::Level::kMay;  // this level and the stronger ones
  Shard shard{};                          // every count-th instance, beginning with index
};

// '*' matches any run of characters, '?' one, "[...]" is literal: instance ids are full of
// brackets.
bool matches(std::string_view glob, std::string_view text);

// In the order of the specs. A glob selects what it matches: an instance by its id, all instances
// of a clause by the clause's id, all of an interface by the interface's. A glob that matches
// nothing is an error that names it.
std::expected<std::vector<Instance>, std::string> select(const spec::Specs& specs,
                                                         const Selection& selection);

// Can a target have the virtio device behind the transport? By their words in a configuration.
using HasDevice = std::function<bool(const std::string& device, const std::string& transport)>;
// What the backend, which must outlive the answer, refuses it has not.
HasDevice devices_of(const backends::Backend& backend);

// Without the instances of `devices: all` whose device the target cannot have on any transport:
// they are no part of a run.
std::vector<Instance> without_absent_devices(std::vector<Instance> instances, const HasDevice& has);

// The clauses that a selection names, with or without cases, in the order of the specs.
std::expected<std::vector<std::pair<const spec::Interface*, const spec::Clause*>>, std::string>
select_clauses(const spec::Specs& specs, const std::vector<std::string>& globs);

// "I/N" with 1 <= I <= N.
std::optional<Shard> parse_shard(std::string_view text);

}  // namespace hypervet::run
