// SPDX-License-Identifier: Apache-2.0
// A file that appears under its name only when it is complete: written beside it, then renamed.
// Whoever reads the name sees the old file or the new one, never half of one. Belongs to one
// thread; several processes may write the same name, and the last one wins.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "backends/process/descriptor.h"

namespace hypervet::lab {

// All errors: one line with the path.
class PendingFile {
 public:
  // Also makes the folder that it is to stand in.
  static std::expected<PendingFile, std::string> create(std::filesystem::path target);

  PendingFile(PendingFile&& other) noexcept = default;
  PendingFile& operator=(PendingFile&&) = delete;
  // Removes what was not committed.
  ~PendingFile();

  int fd() const { return fd_.get(); }
  std::expected<void, std::string> write(std::span<const std::byte> bytes);
  // Gives the file its name and, for the others, the right to read it.
  std::expected<void, std::string> commit();

 private:
  PendingFile(std::filesystem::path target, std::string name, process::Descriptor fd)
      : target_(std::move(target)), name_(std::move(name)), fd_(std::move(fd)) {}

  std::filesystem::path target_;
  std::string name_;  // until the commit
  process::Descriptor fd_;
};

std::expected<void, std::string> write_file(const std::filesystem::path& target,
                                            std::span<const std::byte> bytes);
std::expected<void, std::string> write_file(const std::filesystem::path& target,
                                            std::string_view text);

// Makes a folder and those above it.
std::expected<void, std::string> make_folders(const std::filesystem::path& folder);

}  // namespace hypervet::lab
