// SPDX-License-Identifier: Apache-2.0
// The bytes of a file, read-only. Kernels with debug information have hundreds of megabytes, of
// which a few are looked at; so files are mapped, not read. Nobody may shorten the file meanwhile.
// May be handed from thread to thread and read by several.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace hypervet::process {

class MappedFile {
 public:
  // Regular files alone. The error is one line: "PATH: No such file or directory".
  static std::expected<MappedFile, std::string> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  // Valid as long as this object.
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace hypervet::process
