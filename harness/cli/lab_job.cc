// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "harness/cli/lab_choice.h"
#include "harness/run/provenance.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSpecsInside = "/usr/share/hypervet/specs";

std::vector<fs::path> spec_files(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const auto& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
      if (entry.is_regular_file(error) && entry.path().extension() == ".yaml")
        inside.push_back(entry.path());
    }
    std::ranges::sort(inside);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::string job_name(std::size_t index) { return fmt::format("spec-{}.yaml", index); }

std::string notes(const lab::Lab& machine) {
  const auto& recipe = machine.recipe();
  auto text = fmt::format("lab {}: {}\nemulator: {}\nkernel: {}", recipe.name, recipe.title,
                          machine.emulator_version(), machine.kernel().original.string());
  for (const auto& wrong : recipe.wrong) text += fmt::format("\n{} {}", wrong.what, wrong.hence);
  return text;
}

}  // namespace

Translation translation_for(const Application& application, const spec::Specs& specs,
                            const ExecutionOptions& options, const lab::Lab& machine) {
  Translation translation;
  translation.emulation = machine.recipe().emulation;
  translation.lab = options.lab.lab;
  translation.notes = notes(machine);
  translation.command_line = application.command_line();
  translation.exact = options.lab.exact;
  if (!options.lab.exact) translation.started = run::now_utc();
  translation.spec_hash = fmt::format("{:016x}", specs.hash);
  translation.reproduce_head = {application.command(), "run"};
  translation.reproduce_tail = options.lab.words();
  std::ranges::copy(options.backend.words(), std::back_inserter(translation.reproduce_tail));
  translation.reproduce_tail.insert(translation.reproduce_tail.end(),
                                    {"--seed", std::to_string(options.seed)});
  translation.spec_paths[kSpecsInside] = application.own_specs().string();
  const auto files = spec_files(application.spec_paths());
  for (std::size_t i = 0; i < files.size(); ++i)
    translation.spec_paths[job_name(i)] = files[i].string();
  return translation;
}

void add_specs(const Application& application, lab::Job& job) {
  const auto files = spec_files(application.spec_paths());
  if (!files.empty()) job.arguments.emplace_back("--specs");
  for (std::size_t i = 0; i < files.size(); ++i) {
    job.files[job_name(i)] = job_file(files[i]);
    job.arguments.push_back(job_name(i));
  }
}

}  // namespace hypervet::cli
