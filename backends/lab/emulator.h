// SPDX-License-Identifier: Apache-2.0
// One emulated machine: a QEMU process with a lab's kernel, its channels to the outside, and its
// monitor. One thread, which must live as long as the machine is to live (child.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backends/lab/recipe.h"
#include "backends/process/child.h"
#include "backends/process/qmp.h"

namespace hypervet::lab {

// Which machine, and where the files of its channels lie.
struct Wiring {
  std::filesystem::path kernel;
  std::filesystem::path initramfs;
  std::filesystem::path folder;    // exists; the files below are in it
  std::filesystem::path snapshot;  // empty: none is kept
  bool instruction_time = false;
  std::uint64_t host_tsc_khz = 0;

  std::filesystem::path job() const { return folder / "job"; }          // read by the machine
  std::filesystem::path console() const { return folder / "console"; }  // written by it, as are:
  std::filesystem::path out() const { return folder / "out"; }
  std::filesystem::path err() const { return folder / "err"; }
  std::filesystem::path log() const { return folder / "log"; }
  std::filesystem::path complaints() const { return folder / "complaints"; }  // QEMU's own stderr
};

// QEMU's command line for the recipe's machine: what a snapshot depends on, except for the files'
// names. Deterministic.
std::vector<std::string> emulator_arguments(const Recipe& recipe, const Wiring& wiring);

class Emulator {
 public:
  // Starts the machine: it boots, or waits for restore().
  static std::expected<Emulator, std::string> boot(const Recipe& recipe, const Wiring& wiring);
  // Starts a machine that goes on where wiring.snapshot stopped; it stands still until go_on().
  static std::expected<Emulator, std::string> restore(const Recipe& recipe, const Wiring& wiring);

  // Writes the machine, which must stand still, to wiring.snapshot, whole or not at all.
  std::expected<void, std::string> save();
  std::expected<void, std::string> go_on();

  // The machine has stopped itself at the place where it may be saved, since this was last asked.
  bool stopped_itself() { return monitor_.take_event("GUEST_PANICKED"); }
  // Takes in what the monitor says; waits at most this long when nothing happens.
  void watch(std::chrono::milliseconds patience) { monitor_.pump(patience); }
  std::optional<process::Ended> ended() { return process_.wait_for(std::chrono::milliseconds(0)); }
  void kill() { process_.kill(); }
  // Kills the machine and waits until it is gone.
  void end() {
    process_.kill();
    process_.wait();
  }

 private:
  Emulator(process::Child process, process::Qmp monitor, std::filesystem::path snapshot)
      : process_(std::move(process)),
        monitor_(std::move(monitor)),
        snapshot_(std::move(snapshot)) {}
  static std::expected<Emulator, std::string> start(const Recipe& recipe, const Wiring& wiring,
                                                    bool incoming);
  std::expected<void, std::string> await_migration();

  process::Child process_;
  process::Qmp monitor_;
  std::filesystem::path snapshot_;
};

// The last line of what QEMU said that is neither a warning nor advice; "" when it said nothing.
std::string last_complaint(const std::filesystem::path& complaints);

}  // namespace hypervet::lab
