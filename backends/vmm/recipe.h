// SPDX-License-Identifier: Apache-2.0
// What is particular to one VMM: a YAML file. README.md describes the keys. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guest-payloads/protocol/host_verbs.h"

namespace hypervet::vmm {

// A piece of the command line, with what goes with it. Texts may hold $NAME (see command_line.h).
struct Part {
  std::vector<std::string> arguments;
  std::vector<std::string> words;  // of the agent's command line
  std::map<std::string, std::string, std::less<>> names;
  std::string needs;   // a file of the host that must be there and may be opened; "": none
  std::string refuse;  // why it cannot be had; "": it can
  // Settings that do not go with it, "apic=x2apic", and why.
  std::map<std::string, std::string, std::less<>> without;
};

struct Device {
  Part part;
  std::vector<std::string> transports;  // that it exists on; empty: all of the recipe's
  std::map<std::string, Part, std::less<>> variants;
};

// A choice among values, of which the first is the default.
struct Choice {
  std::string name;
  std::vector<std::pair<std::string, Part>> values;
  const Part* find(std::string_view value) const;
};

// A host verb as a command of the VMM's monitor. An argument of it that is a number may be
// "$NAME", "$NAME*N", "$NAME!=0" (a truth value) or "N-$NAME*M", where NAME is an argument of the
// verb or `memory`.
struct MonitorVerb {
  protocol::HostVerb verb = protocol::HostVerb::kNone;
  std::string execute;
  std::map<std::string, std::string, std::less<>> arguments;
  std::string result;  // key of what it returns that is the verb's result; "": 0
};

struct Recipe {
  std::string name;
  std::string title;     // of the VMM: "QEMU"; begins the target's name
  std::string provider;  // whose behaviour is judged
  std::string program;   // a path, or a name that is looked up in PATH
  std::string package;   // what to install when it is missing; "": not known
  std::vector<std::string> version_arguments;
  std::string version_pattern;  // a regular expression, the first group is the version
  unsigned cpus = 0;            // that a machine can have
  Part common;
  Part serial;                  // one boot for each program, frames on the standard output
  std::string no_input;         // why nothing can be said on the serial line; "": something can
  std::optional<Part> memory;   // many programs a boot, in guest memory that is a file
  std::optional<Part> monitor;  // QMP
  std::vector<MonitorVerb> verbs;
  // Files of a machine's own, by name, with their text; may hold $NAME.
  std::map<std::string, std::string, std::less<>> files;
  std::vector<Choice> options;   // that the user makes
  std::vector<Choice> settings;  // that a case makes, beside device, transport and variant
  Choice transports;             // empty: without devices
  std::map<std::string, Part, std::less<>> variants;  // that every device has
  std::map<std::string, Device, std::less<>> devices;
};

// The error is one line, "file:line:column: message" where it is about the text.
std::expected<Recipe, std::string> load_recipe(const std::filesystem::path& file);

}  // namespace hypervet::vmm
