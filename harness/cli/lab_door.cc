// SPDX-License-Identifier: Apache-2.0
// hypervet lab-door: what the init of a lab starts last. Not for people, so no help shows it.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "backends/lab/door.h"
#include "harness/cli/application.h"

namespace hypervet::cli {
namespace {

constexpr const char* kFolder = "/job";

// The specs are loaded before the machine is saved: in an emulated machine that is most of the time
// that a hypervet takes to start.
int open_door(Application& application) {
  std::filesystem::current_path(kFolder);  // paths are shown as from there
  auto specs = application.load_specs();
  return lab::serve_door(
      [&specs](const std::vector<std::string>& arguments) {
        std::vector<std::string> command_line = {"hypervet"};
        command_line.insert(command_line.end(), arguments.begin(), arguments.end());
        return run_command_line(std::move(command_line), std::move(specs));
      },
      kFolder);
}

}  // namespace

void add_lab_door(Application& application) {
  application
      .verb("lab-door", "The inner side of a lab; of use in an emulated machine alone",
            [&application] { return open_door(application); })
      ->group("");
}

}  // namespace hypervet::cli
