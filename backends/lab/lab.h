// SPDX-License-Identifier: Apache-2.0
// A lab at work: finds its kernel, makes its first file system, boots the emulated machine or goes
// on from a snapshot, has hypervet do a job inside, and brings out what it says.
//
// A Lab belongs to one thread. Several processes may use the same cache.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "backends/lab/initramfs.h"
#include "backends/lab/job.h"
#include "backends/lab/kernel.h"
#include "backends/lab/progress.h"
#include "backends/lab/recipe.h"
#include "backends/lab/watch.h"

namespace hypervet::lab {

struct Options {
  std::filesystem::path recipe;   // the YAML file
  std::string kernel;             // "": the recipe's; "6.1": a version; a path; or a package glob
  std::filesystem::path modules;  // of a kernel file; empty: where the kernel's own would be
  std::filesystem::path specs;    // the suite's, and its payloads: what hypervet has inside
  std::filesystem::path payloads;
  std::filesystem::path cache;  // packages, kernels, snapshots
  bool snapshots = true;
  bool exact = false;  // the emulator's instruction clock drives the machine
  Patience patience;
};

class Lab {
 public:
  // Finds and prepares everything but the machine. The error is one line.
  static std::expected<Lab, std::string> prepare(Options options, Progress progress);

  const Recipe& recipe() const { return recipe_; }
  const Kernel& kernel() const { return kernel_; }
  // "QEMU emulator version 7.2.22 (Debian ...)"; empty if it does not say.
  std::string emulator_version() const;

  // One machine from its start to its end. What was written until an early end was handed on.
  Ending run(const Job& job, const Sinks& sinks);

 private:
  Lab() = default;
  std::expected<Wiring, std::string> wire(const std::filesystem::path& folder) const;
  std::expected<std::filesystem::path, std::string> initramfs() const;
  std::expected<std::filesystem::path, std::string> snapshot_file() const;
  Ending boot(Wiring& wiring, const Sinks& sinks);
  // nullopt: the snapshot is of no use, and gone.
  std::optional<Ending> restore(const Wiring& wiring, const Sinks& sinks);
  bool save(Emulator& machine, const Wiring& wiring) const;
  static Ending go_on(Emulator& machine, Watch& watch);

  Options options_;
  Progress progress_;
  Recipe recipe_;
  Kernel kernel_;
  InitramfsParts parts_;
  std::string fingerprint_;  // of the initramfs
};

}  // namespace hypervet::lab
