// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/cli/inner_stream.h"
#include "harness/run/provenance.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLastLines = 12;
constexpr const char* kCaseList = "cases";
constexpr const char* kSpecsInside = "/usr/share/hypervet/specs";

// Spec files that the user named travel with the job; the suite's own are in the lab already.
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

lab::Job LabExecution::job(const lab::Recipe& recipe,
                           const std::vector<run::Instance>& instances) const {
  lab::Job job;
  auto& list = job.files[kCaseList];
  for (const auto& instance : instances) list += instance.id + "\n";
  job.arguments = {"run",
                   "--cases",
                   kCaseList,
                   "--backend",
                   recipe.backend,
                   "--jobs",
                   "1",
                   "--seed",
                   std::to_string(options_.seed),
                   "--channel",
                   options_.channel,
                   "--timeout",
                   fmt::format("{}", options_.timeout),
                   "--results",
                   "-"};
  const auto files = spec_files(application_.spec_paths());
  if (!files.empty()) job.arguments.emplace_back("--specs");
  for (std::size_t i = 0; i < files.size(); ++i) {
    job.files[job_name(i)] = job_file(files[i]);
    job.arguments.push_back(job_name(i));
  }
  return job;
}

Executed LabExecution::run(const std::vector<run::Instance>& instances, std::size_t planned,
                           bool fail_fast, const Listener& listener) {
  const InnerStream* watched = nullptr;
  auto machine = prepare_lab(application_, options_.lab, [&watched] {
    return Application::interrupt().load() ||
           (watched != nullptr && (watched->satisfied() || watched->flaw()));
  });
  Translation translation;
  translation.emulation = machine.recipe().emulation;
  translation.lab = options_.lab.lab;
  translation.notes = notes(machine);
  translation.command_line = application_.command_line();
  if (!options_.lab.exact) translation.started = run::now_utc();
  translation.planned = planned;
  translation.spec_hash = fmt::format("{:016x}", specs_.hash);
  translation.reproduce_head = {application_.command(), "run"};
  translation.reproduce_tail = words();
  translation.reproduce_tail.insert(translation.reproduce_tail.end(),
                                    {"--seed", std::to_string(options_.seed)});
  translation.spec_paths[kSpecsInside] = application_.own_specs().string();
  const auto files = spec_files(application_.spec_paths());
  for (std::size_t i = 0; i < files.size(); ++i)
    translation.spec_paths[job_name(i)] = files[i].string();

  InnerStream stream(instances, translation, fail_fast, listener);
  watched = &stream;
  std::string complaints;
  const auto ending = machine.run(job(machine.recipe(), instances),
                                  {[&](std::string_view bytes) { stream.add(bytes); },
                                   [&](std::string_view bytes) { complaints += bytes; }});
  Executed executed;
  if (stream.begun() && !ending.log.empty())
    executed.logs.push_back({fmt::format("kernel log of the lab {}", name()), ending.log});
  executed.interrupted = Application::interrupt().load();
  if (options_.lab.exact) executed.wall_ns = stream.wall_ns();
  if (executed.interrupted || stream.satisfied()) return executed;
  if (stream.flaw()) {
    executed.broken = *stream.flaw();
  } else if (!ending.complete) {
    executed.broken = explain(ending, kLastLines);
  } else if (stream.judged() < instances.size()) {
    executed.broken =
        fmt::format("the hypervet inside ended with status {} after {} of {} cases: {}",
                    ending.status, stream.judged(), instances.size(), complaints);
  } else {
    return executed;
  }
  executed.broken = fmt::format("lab {}: {}", name(), *executed.broken);
  if (!stream.begun()) throw Exit{kBroken, *executed.broken};
  const auto reason = executed.broken->substr(0, executed.broken->find('\n'));
  if (auto record = stream.unfinished(reason, *executed.broken)) listener.judged(*record);
  return executed;
}

}  // namespace hypervet::cli
