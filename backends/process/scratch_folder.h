// SPDX-License-Identifier: Apache-2.0
// A temporary folder that goes with its owner: at destruction, or, when the process was killed, as
// soon as another one makes a folder. Belongs to one thread.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <utility>

#include "backends/process/descriptor.h"

namespace hypervet::process {

class ScratchFolder {
 public:
  // Also removes the folders of this user whose owners are dead. The error is one line.
  static std::expected<ScratchFolder, std::string> create();

  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  ScratchFolder(std::filesystem::path path, Descriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  Descriptor lock_;  // held for as long as the owner lives
};

}  // namespace hypervet::process
