// SPDX-License-Identifier: Apache-2.0
// What is particular to one lab: a YAML file beside an init. README.md describes the keys.
// Plain values; any thread.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace hypervet::lab {

// What goes on the emulator's command line and the kernel's for one way of keeping time.
struct TimeKeeping {
  std::vector<std::string> arguments;
  std::vector<std::string> command_line;
};

struct Recipe {
  std::string name;
  std::string title;
  std::string emulation;             // in brackets behind the target's name: "emulated SVM"
  std::string backend;               // that hypervet uses inside
  std::vector<std::string> options;  // of the inner hypervet's verbs that take a backend

  struct {
    std::string package;          // glob over Debian package names; the highest version is taken
    std::string version_package;  // the same for `NAME:6.1`, with VERSION in it
    std::vector<std::string> modules;           // without these it cannot work
    std::vector<std::string> modules_if_there;  // may be built in, or not be needed
    std::vector<std::string> command_line;
  } kernel;

  std::string busybox_package;
  std::string init;  // text of the first program

  struct {
    std::string program;
    std::string package;  // what to install when the program is missing
    std::vector<std::string> arguments;
    TimeKeeping host_time;
    TimeKeeping instruction_time;
  } emulator;

  struct Wrong {
    std::string what;
    std::string hence;
  };
  std::vector<Wrong> wrong;  // what the emulator itself gets wrong

  std::string text;  // of the file, for keys of what was made with it
};

// Stands for the frequency of the host's time-stamp counter in a host-time command line.
inline constexpr std::string_view kHostTscKhz = "HOST_TSC_KHZ";
inline constexpr std::string_view kVersionMark = "VERSION";

// The error is one line, "file:line:column: message" where it is about the text. Unknown and
// missing keys are errors.
std::expected<Recipe, std::string> load_recipe(const std::filesystem::path& file);

}  // namespace hypervet::lab
