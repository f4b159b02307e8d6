// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_translation.h"

#include <fmt/format.h>

namespace hypervet::cli {

std::string emulated(const std::string& target, const Translation& translation) {
  return fmt::format("{} ({})", target, translation.emulation);
}

reports::Run translated(reports::Run run, const Translation& translation) {
  run.target = emulated(run.target, translation);
  run.lab = translation.lab;
  run.command_line = translation.command_line;
  if (!translation.started.empty()) run.started = translation.started;
  run.planned = translation.planned;
  run.spec_hash = translation.spec_hash;
  run.notes = translation.notes;
  return run;
}

}  // namespace hypervet::cli
