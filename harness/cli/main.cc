// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/application.h"

int main(int argc, char** argv) {
  return hypervet::cli::run_command_line(std::vector<std::string>(argv, argv + argc), std::nullopt);
}
