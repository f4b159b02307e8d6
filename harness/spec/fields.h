// SPDX-License-Identifier: Apache-2.0
// Typed reading of nodes: every function adds a problem at the exact place for what is not as it
// must be. Used by the loader and by lint; no state of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/expression.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

// A map whose keys are all among `keys`. False if it is no map; unknown keys alone are reported but
// do no harm. `what` is what the map describes: "a clause".
bool check_map(const Node& node, std::string_view what, std::span<const std::string_view> keys,
               Problems& problems);

// The entry; nullptr and a problem at the map if it is missing. A value of nothing counts as
// missing.
const Node* require(const Node& map, std::string_view key, std::string_view what,
                    Problems& problems);
// The entry; nullptr if it is missing or nothing.
const Node* optional(const Node& map, std::string_view key);

// A scalar that is not empty. `what`: "title".
std::optional<std::string> read_text(const Node& node, std::string_view what, Problems& problems);
// One of the words; an index into them.
std::optional<std::size_t> read_word(const Node& node, std::string_view what,
                                     std::span<const std::string_view> words, Problems& problems);
// yes, no, true or false.
std::optional<bool> read_flag(const Node& node, std::string_view what, Problems& problems);
// One word or a list of words: the nodes that are scalars.
std::vector<const Node*> read_list(const Node& node, std::string_view what, Problems& problems);
// An expression whose value is known now and within the bounds.
std::optional<std::uint64_t> read_number(const Node& node, std::string_view what,
                                         const Environment& names, std::uint64_t least,
                                         std::uint64_t most, Problems& problems);

// Lower-case words of letters and digits, joined by '-' within a part and '.' between parts.
bool is_id(std::string_view text);
// What can be a name in expressions, and is no word of the language (even, odd, zero, nonzero,
// none).
bool is_name(std::string_view text);
// What may name a case or a violation: printable, not blank at the ends, none of / [ ].
bool is_title(std::string_view text);

}  // namespace hypervet::spec
