// SPDX-License-Identifier: Apache-2.0
// The options by which a verb does its work in a lab, and the lab that they mean. Main thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backends/lab/lab.h"
#include "harness/cli/application.h"

namespace hypervet::cli {

struct LabChoice {
  std::string lab;      // NAME[:KERNEL]; "": none
  std::string modules;  // folder of a kernel file's modules
  bool exact = false;
  unsigned patience = 0;  // seconds without a sign of life; 0: as the job asks for
  std::string cache;      // "": the user's cache folder
  std::string recipes;    // folder; "": hypervet's own
  bool no_snapshot = false;

  explicit operator bool() const { return !lab.empty(); }
  std::string name() const { return lab.substr(0, lab.find(':')); }
  // The options that choose the same lab, for a command that is shown.
  std::vector<std::string> words() const;
};

void add_lab_options(CLI::App* verb, LabChoice& choice);

// Finds the recipe, the kernel and all that goes with it; says on standard error what takes long.
// `seconds` is for how long the job may be silent of its own accord. Throws Exit: kUsage for a lab
// that there is not, kBroken for one that cannot be had.
lab::Lab prepare_lab(Application& application, const LabChoice& choice, double seconds,
                     std::function<bool()> stopped);

// Why a lab ended early, with the last that its machine said.
std::string explain(const lab::Ending& ending, std::size_t lines);

// Does a verb's work in a lab: what the inner hypervet prints is printed, its status returned.
// `seconds` as above. Throws Exit{kBroken} when the lab itself fails.
int run_in_lab(Application& application, const LabChoice& choice, lab::Job job, double seconds);

// The bytes of a file for a job. Throws Exit{kUsage}.
std::string job_file(const std::filesystem::path& path);

}  // namespace hypervet::cli
