// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_choice.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "backends/process/recipe_reader.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

// XDG Base Directory Specification: $XDG_CACHE_HOME, else ~/.cache.
fs::path cache_folder(const LabChoice& choice) {
  if (!choice.cache.empty()) return choice.cache;
  const auto set = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (const auto cache = set("XDG_CACHE_HOME"); cache.starts_with('/'))
    return fs::path(cache) / "hypervet";
  if (const auto home = set("HOME"); home.starts_with('/'))
    return fs::path(home) / ".cache" / "hypervet";
  throw Exit{kUsage, "no folder for the lab's cache: set HOME, or name one with --lab-cache"};
}

// A case may say nothing until its own time is over. With the instruction clock that is the lab's
// time, of which a busy machine makes a second in ten or more of ours.
std::chrono::seconds patience(const LabChoice& choice, double seconds) {
  constexpr std::chrono::seconds kUsual{120};
  constexpr double kHostSeconds = 2;
  constexpr double kExactSeconds = 30;
  if (choice.patience != 0) return std::chrono::seconds(choice.patience);
  const auto factor = choice.exact ? kExactSeconds : kHostSeconds;
  return kUsual + std::chrono::seconds(static_cast<long long>(seconds * factor));
}

std::string last_lines(const std::string& text, std::size_t count) {
  lab::Console console;
  console.add(text);
  return console.last_lines(count);
}

}  // namespace

std::vector<std::string> LabChoice::words() const {
  std::vector<std::string> words = {"--lab", lab};
  if (!modules.empty()) words.insert(words.end(), {"--lab-modules", modules});
  if (!recipes.empty()) words.insert(words.end(), {"--lab-recipes", recipes});
  if (exact) words.emplace_back("--exact");
  return words;
}

void add_lab_options(CLI::App* verb, LabChoice& choice) {
  auto* lab =
      verb->add_option("--lab", choice.lab,
                       "Do it in an emulated machine with a real kernel: kvm-amd. KERNEL is a "
                       "version (6.1), a glob of Debian packages, or a bzImage or vmlinux")
          ->type_name("NAME[:KERNEL]");
  verb->add_option("--lab-modules", choice.modules,
                   "lib/modules/RELEASE of a kernel file, or the folder it is in")
      ->type_name("FOLDER")
      ->needs(lab);
  verb->add_flag("--exact", choice.exact,
                 "The emulator's instruction clock drives the lab: everything repeats to the bit")
      ->needs(lab);
  verb->add_option("--lab-patience", choice.patience,
                   "Seconds without a sign of life after which a lab is given up; default 120, and "
                   "more where --timeout asks for it")
      ->check(CLI::Range(1, 1'000'000))
      ->needs(lab);
  verb->add_option("--lab-cache", choice.cache,
                   "Where packages, kernels and snapshots are kept; default ~/.cache/hypervet")
      ->type_name("FOLDER")
      ->needs(lab);
  verb->add_option("--lab-recipes", choice.recipes, "Recipes of labs instead of hypervet's own")
      ->type_name("FOLDER")
      ->check(CLI::ExistingDirectory)
      ->needs(lab);
  verb->add_flag("--no-snapshot", choice.no_snapshot, "Boot the lab anew")->needs(lab);
}

lab::Lab prepare_lab(Application& application, const LabChoice& choice, double seconds,
                     std::function<bool()> stopped) {
  const auto labs = choice.recipes.empty() ? application.places().labs : fs::path(choice.recipes);
  const auto names = process::recipe_names(labs);
  const auto name = choice.name();
  if (names.empty()) throw Exit{kUsage, fmt::format("no recipe of a lab in {}", labs.string())};
  if (std::ranges::find(names, name) == names.end()) {
    throw Exit{kUsage, fmt::format("unknown lab '{}'; there {} {}", name,
                                   names.size() == 1 ? "is" : "are", fmt::join(names, ", "))};
  }
  lab::Options options;
  options.recipe = labs / (name + ".yaml");
  if (name.size() < choice.lab.size()) {
    options.kernel = choice.lab.substr(name.size() + 1);
    if (options.kernel.empty())
      throw Exit{kUsage, fmt::format("--lab takes NAME[:KERNEL], not '{}'", choice.lab)};
  }
  options.modules = choice.modules;
  options.specs = application.places().specs;
  options.payloads = application.places().payloads;
  options.cache = cache_folder(choice);
  options.snapshots = !choice.no_snapshot;
  options.exact = choice.exact;
  options.patience = {patience(choice, seconds), stopped};
  auto& terminal = application.terminal();
  auto prepared = lab::Lab::prepare(
      std::move(options),
      {[&terminal](std::string_view line) { terminal.error(fmt::format("hypervet: {}", line)); },
       stopped});
  if (!prepared) throw Exit{kBroken, fmt::format("lab {}: {}", name, prepared.error())};
  return std::move(*prepared);
}

std::string explain(const lab::Ending& ending, std::size_t lines) {
  const auto last = last_lines(ending.log, lines);
  return last.empty() ? ending.reason
                      : fmt::format("{}\nthe last of its log:\n{}", ending.reason, last);
}

int run_in_lab(Application& application, const LabChoice& choice, lab::Job job, double seconds) {
  const auto stopped = [] { return Application::interrupt().load(); };
  auto machine = prepare_lab(application, choice, seconds, stopped);
  job.environment.push_back(fmt::format("HYPERVET_COMMAND={}", application.command()));
  const auto to = [](std::FILE* file) {
    return [file](std::string_view bytes) {
      std::fwrite(bytes.data(), 1, bytes.size(), file);
      std::fflush(file);
    };
  };
  const auto ending = machine.run(job, {to(stdout), to(stderr)});
  if (ending.interrupted) return kInterrupted;
  if (!ending.complete)
    throw Exit{kBroken, fmt::format("lab {}: {}", choice.name(), explain(ending, 12))};
  return ending.status;
}

std::string job_file(const fs::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  // An empty file makes the stream fail, too, but sets no errno.
  if (!in.is_open() || (!(bytes << in.rdbuf()) && errno != 0))
    throw Exit{kUsage, fmt::format("{}: {}", path.string(), std::strerror(errno))};
  return std::move(bytes).str();
}

}  // namespace hypervet::cli
