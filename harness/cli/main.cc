// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>
#include <exception>

#include "harness/cli/application.h"

int main(int argc, char** argv) {
  // A reader that went away (`hypervet list | head`) is no reason to die without a word.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return hypervet::cli::Application(argc, argv).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "hypervet: {}\n", error.what());
    return hypervet::cli::kBroken;
  }
}
