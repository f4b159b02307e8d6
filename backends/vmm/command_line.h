// SPDX-License-Identifier: Apache-2.0
// From a recipe, the user's options and a configuration to the command line of a VMM, and why
// there is none. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/vmm/recipe.h"

namespace hypervet::vmm {

using Names = std::map<std::string, std::string, std::less<>>;

// What a recipe need not declare. Those that end in -fd and the paths are told when a machine is
// made.
inline constexpr std::array<std::string_view, 13> kOwnNames = {
    "agent",    // path of the payload, an ELF with a PVH entry
    "bzimage",  // path of the same payload as a bzImage, for a VMM that enters by Linux's protocol
    "words",    // the agent's command line
    "program",  // path of the program, for the VMM's initial RAM disk; serial alone
    "ram",      // path of the file that is the guest's memory; memory alone
    "cpus",
    "mib",         // the guest's memory
    "bytes",       // the same
    "tsc-khz",     // the host's, as measured
    "monitor-fd",  // a connected socket that the VMM inherits
    "disk",        // path of a file of 16 MiB of zeroes, this machine's own
    "folder",      // path of an empty folder, this machine's own
    "id",          // a number that no other machine has
};

// The names after each $; "$$" is a dollar.
std::vector<std::string> names_in(std::string_view text);
// With each $NAME replaced, the names in what it stands for as well. A name that there is not
// stands for nothing.
std::string substituted(std::string_view text, const Names& names);

enum class Channel { kMemory, kSerial };

// One machine, but for what is known only when it is made.
struct Plan {
  Channel channel = Channel::kMemory;
  std::vector<std::string> arguments;  // not substituted
  std::vector<std::string> words;
  Names names;
  Names files;  // by name, their text
  std::uint64_t memory = 0;
  unsigned cpus = 1;

  bool uses(std::string_view name) const;
  // Equal for machines that may stand for each other.
  std::string key() const;
};

// The arguments, substituted. One that is a name and nothing else, which stands for nothing, is
// left out.
std::vector<std::string> filled_in(const Plan& plan, const Names& names);

// `options` has a value for each of the recipe's; `more` goes behind all else. The error is why
// there is no such machine.
std::expected<Plan, std::string> make_plan(
    const Recipe& recipe, const std::map<std::string, std::string, std::less<>>& options,
    const std::vector<std::string>& more, const backends::Configuration& configuration);

}  // namespace hypervet::vmm
