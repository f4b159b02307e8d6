// SPDX-License-Identifier: Apache-2.0
// One running VMM with what it shares with hypervet: guest memory or serial line, files, monitor,
// standard error. One thread at a time.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/process/child.h"
#include "backends/process/scratch_folder.h"
#include "backends/process/starter.h"
#include "backends/vmm/command_line.h"
#include "backends/vmm/monitor.h"
#include "backends/vmm/shared_file.h"

namespace hypervet::vmm {

// The same for all machines of a backend. Borrowed by them.
struct Surroundings {
  Recipe recipe;
  std::filesystem::path binary;
  std::filesystem::path agent;  // agent.elf, with agent.bzimage beside it
  std::uint64_t tsc_khz = 0;
  process::Starter* starter = nullptr;

  std::filesystem::path bzimage() const {
    return std::filesystem::path(agent).replace_extension(".bzimage");
  }
};

class VmmProcess {
 public:
  static constexpr std::size_t kMostComplaints = 64 << 10;  // bytes of stderr that are kept

  // `program` goes into the file that the plan may name `$program`. The error is one line.
  static std::expected<std::unique_ptr<VmmProcess>, std::string> start(
      const Surroundings& surroundings, const Plan& plan, std::span<const std::byte> program);

  pid_t pid() const { return child_->pid(); }
  std::optional<process::Ended> ended() { return child_->wait_for(std::chrono::milliseconds(0)); }
  std::optional<process::Ended> ended_within(std::chrono::milliseconds time) {
    return child_->wait_for(time);
  }
  // Stands still, and goes on: a machine that nobody uses shall not use a processor.
  void stop() { child_->kill(SIGSTOP); }
  void go_on() { child_->kill(SIGCONT); }
  void kill() { child_->kill(SIGKILL); }

  std::span<std::uint8_t> ram() const { return ram_ ? ram_->bytes() : std::span<std::uint8_t>{}; }
  int line() const { return line_.get(); }  // the serial line: what the VMM has as stdin and stdout
  Monitor* monitor() { return monitor_ ? &*monitor_ : nullptr; }
  // What it has printed on its standard error since this was last asked.
  std::string take_complaints();
  // Takes in what has been printed, so that the VMM need not wait for a reader. Whether anything
  // was.
  bool listen();
  const std::string& title() const { return title_; }

 private:
  VmmProcess() = default;
  std::expected<void, std::string> make_files(const Plan& plan, std::span<const std::byte> program,
                                              Names& names, process::Command& command);

  std::string title_;
  std::optional<SharedFile> ram_, program_, disk_;
  std::list<std::optional<SharedFile>> files_;
  std::optional<process::ScratchFolder> folder_;
  process::Descriptor line_, complaints_;
  std::string heard_;
  std::optional<Monitor> monitor_;
  std::optional<process::Child> child_;
};

// The last line that is not blank, without what a terminal would make of it.
std::string last_line(std::string_view text);

}  // namespace hypervet::vmm
