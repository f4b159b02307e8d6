// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/lab.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/lab/fingerprint.h"
#include "backends/lab/memo.h"
#include "backends/lab/packages.h"
#include "backends/lab/pending_file.h"
#include "backends/lab/prune.h"
#include "backends/process/host_clock.h"
#include "backends/process/scratch_folder.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSnapshotsKept = 8;  // some 100 MB each
constexpr std::size_t kInitramfsKept = 8;  // some 20 MB each

fs::path memo_folder(const fs::path& cache) { return cache / "known"; }

bool is_version(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         text.contains('.');
}

// "6.1" -> "linux-image-6.1.*-cloud-amd64".
std::string package_glob(const Recipe& recipe, const std::string& kernel) {
  if (kernel.empty()) return recipe.kernel.package;
  if (!is_version(kernel)) return kernel;
  auto glob = recipe.kernel.version_package;
  glob.replace(glob.find(kVersionMark), kVersionMark.size(), kernel);
  return glob;
}

std::expected<Kernel, std::string> find_kernel(const Recipe& recipe, const Options& options,
                                               const Progress& progress) {
  std::error_code ignored;
  if (options.kernel.contains('/') ||
      (!is_version(options.kernel) && fs::is_regular_file(options.kernel, ignored)))
    return kernel_from_file(options.kernel, options.modules, options.cache, progress);
  if (!options.modules.empty())
    return std::unexpected(std::string("a folder of modules goes with a kernel file"));
  return kernel_from_package(package_glob(recipe, options.kernel), options.cache, progress);
}

std::expected<std::vector<Module>, std::string> find_modules(const Recipe& recipe,
                                                             const Kernel& kernel,
                                                             const fs::path& cache) {
  std::vector<WantedModule> wanted;
  for (const auto& name : recipe.kernel.modules) wanted.push_back({name, true});
  for (const auto& name : recipe.kernel.modules_if_there) wanted.push_back({name, false});
  auto modules = load_order(kernel.modules, wanted, memo_folder(cache));
  if (!modules) return std::unexpected(fmt::format("{} ({})", modules.error(), kernel.release));
  return modules;
}

std::string processor_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line;
  }
  return {};
}

}  // namespace

std::expected<Lab, std::string> Lab::prepare(Options options, Progress progress) {
  Lab lab;
  auto recipe = load_recipe(options.recipe);
  if (!recipe) return std::unexpected(recipe.error());
  lab.recipe_ = std::move(*recipe);
  auto kernel = find_kernel(lab.recipe_, options, progress);
  if (!kernel) return std::unexpected(kernel.error());
  lab.kernel_ = std::move(*kernel);
  auto modules = find_modules(lab.recipe_, lab.kernel_, options.cache);
  if (!modules) return std::unexpected(modules.error());
  auto busybox = unpacked_package(lab.recipe_.busybox_package, options.cache, progress);
  if (!busybox) return std::unexpected(busybox.error());
  lab.parts_.init = lab.recipe_.init;
  lab.parts_.busybox = busybox->folder / "bin" / "busybox";
  lab.parts_.modules = std::move(*modules);
  lab.parts_.libraries = own_libraries();
  lab.parts_.specs = options.specs;
  lab.parts_.payloads = options.payloads;
  auto print = fingerprint(lab.parts_);
  if (!print) return std::unexpected(print.error());
  lab.fingerprint_ = std::move(*print);
  lab.options_ = std::move(options);
  lab.progress_ = std::move(progress);
  return lab;
}

std::string Lab::emulator_version() const {
  const auto program = process::find_program(recipe_.emulator.program);
  if (!program) return {};
  return recall(memo_folder(options_.cache), "its version", *program,
                [&]() -> Answer {
                  const auto output = process::run({.argv = {program->string(), "--version"}});
                  if (!output) return std::unexpected(output.error());
                  return output->out.substr(0, output->out.find('\n'));
                })
      .value_or("");
}

// Everything that a booted machine depends on, but not where its files lie. The processor's model
// stands for the clock that it was told of.
std::expected<fs::path, std::string> Lab::snapshot_file() const {
  Wiring nowhere;
  nowhere.instruction_time = options_.exact;
  Fingerprint print;
  print.add(recipe_.text);
  print.add(fingerprint_);
  for (const auto& argument : emulator_arguments(recipe_, nowhere)) print.add(argument);
  print.add(processor_model());
  const auto emulator = process::find_program(recipe_.emulator.program);
  if (!emulator) {
    return std::unexpected(
        fmt::format("{} (package {})", emulator.error(), recipe_.emulator.package));
  }
  // The image may be one in the cache, which is named after the original's bytes and touched by
  // use.
  print.add(kernel_.image.native());
  for (const fs::path& file : {kernel_.original, *emulator}) {
    if (auto added = print.add_file(file); !added) return std::unexpected(added.error());
  }
  return options_.cache / "snapshots" / print.hex();
}

std::expected<fs::path, std::string> Lab::initramfs() const {
  const auto file = options_.cache / "initramfs" / (fingerprint_ + ".img");
  std::error_code error;
  if (fs::exists(file, error)) {
    touch(file);
    return file;
  }
  if (auto written = write_initramfs(file, parts_); !written)
    return std::unexpected(written.error());
  prune(file.parent_path(), file.extension().string(), kInitramfsKept);
  return file;
}

std::expected<Wiring, std::string> Lab::wire(const fs::path& folder) const {
  Wiring wiring;
  wiring.kernel = kernel_.image;
  wiring.folder = folder;
  wiring.instruction_time = options_.exact;
  auto file = initramfs();
  if (!file) return std::unexpected(file.error());
  wiring.initramfs = std::move(*file);
  if (!options_.snapshots) return wiring;
  auto snapshot = snapshot_file();
  if (!snapshot) return std::unexpected(snapshot.error());
  if (auto made = make_folders(snapshot->parent_path()); !made) {
    progress_(fmt::format("no snapshot is kept: {}", made.error()));
    return wiring;
  }
  wiring.snapshot = std::move(*snapshot);
  return wiring;
}

Ending Lab::run(const Job& job, const Sinks& sinks) {
  const auto broken = [](std::string reason) {
    Ending ending;
    ending.reason = std::move(reason);
    return ending;
  };
  const auto scratch = process::ScratchFolder::create();
  if (!scratch) return broken(scratch.error());
  auto wiring = wire(scratch->path());
  if (!wiring) return broken(wiring.error());
  if (options_.exact && wiring->snapshot.empty()) {
    // Every exact run goes on from a saved machine, this one from a machine that nobody keeps.
    wiring->snapshot = scratch->path() / "snapshots" / "own";
    if (auto made = make_folders(wiring->snapshot.parent_path()); !made)
      return broken(made.error());
  }
  if (auto written = write_file(wiring->job(), encode(job)); !written)
    return broken(written.error());

  std::error_code ignored;
  if (!wiring->snapshot.empty() && fs::exists(wiring->snapshot, ignored)) {
    if (auto ending = restore(*wiring, sinks)) return *ending;
  }
  return boot(*wiring, sinks);
}

std::optional<Ending> Lab::restore(const Wiring& wiring, const Sinks& sinks) {
  std::error_code ignored;
  auto machine = Emulator::restore(recipe_, wiring);
  if (!machine) {
    progress_(fmt::format("the snapshot is of no use ({}): booting", machine.error()));
    fs::remove(wiring.snapshot, ignored);
    return std::nullopt;
  }
  touch(wiring.snapshot);
  Watch watch(*machine, wiring, sinks, options_.patience);
  return go_on(*machine, watch);
}

Ending Lab::boot(Wiring& wiring, const Sinks& sinks) {
  if (!options_.exact) wiring.host_tsc_khz = process::host_tsc_khz();
  progress_(fmt::format("booting Linux {} in the lab {}", kernel_.release, recipe_.name));
  auto machine = Emulator::boot(recipe_, wiring);
  if (!machine) {
    Ending ending;
    ending.reason = machine.error();
    return ending;
  }
  Watch watch(*machine, wiring, sinks, options_.patience);
  if (auto early = watch.until_ready()) {
    if (kernel_.modules.empty()) early->reason += " (it was booted without any modules)";
    return *early;
  }
  if (!wiring.snapshot.empty() && save(*machine, wiring) && options_.exact) {
    // A machine that went on after it was saved is some instructions off one that was restored, so
    // the first run is made like all later ones.
    machine->end();
    if (auto ending = restore(wiring, sinks)) return *ending;
    Ending ending;
    ending.reason = "the snapshot just made cannot be restored";
    return ending;
  }
  return go_on(*machine, watch);
}

bool Lab::save(Emulator& machine, const Wiring& wiring) const {
  if (auto saved = machine.save(); !saved) {
    progress_(fmt::format("no snapshot is kept: {}", saved.error()));
    return false;
  }
  prune(wiring.snapshot.parent_path(), "", kSnapshotsKept);
  return true;
}

Ending Lab::go_on(Emulator& machine, Watch& watch) {
  if (auto gone = machine.go_on(); !gone) {
    Ending ending;
    ending.reason = gone.error();
    return ending;
  }
  return watch.until_end();
}

}  // namespace hypervet::lab
