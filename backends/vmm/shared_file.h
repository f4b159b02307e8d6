// SPDX-License-Identifier: Apache-2.0
// A file without a name that hypervet and a VMM share: the guest's memory, a program, a disk.
// The VMM inherits the descriptor and opens path(). It cannot shrink what is mapped here.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <utility>

#include "backends/process/descriptor.h"

namespace hypervet::vmm {

class SharedFile {
 public:
  // Of `size` zeroes. The error is one line.
  static std::expected<SharedFile, std::string> create(const char* name, std::uint64_t size);
  // The same, mapped and never of another size.
  static std::expected<SharedFile, std::string> mapped(const char* name, std::uint64_t size);

  SharedFile(SharedFile&& other) noexcept
      : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}
  SharedFile& operator=(SharedFile&&) = delete;
  ~SharedFile();

  int fd() const { return file_.get(); }
  // As a process sees it that has inherited the descriptor.
  std::string path() const;
  // Empty unless mapped. The VMM and its guest may write at any time.
  std::span<std::uint8_t> bytes() const { return bytes_; }
  std::expected<void, std::string> write(std::span<const std::byte> content);

 private:
  explicit SharedFile(process::Descriptor file) : file_(std::move(file)) {}

  process::Descriptor file_;
  std::span<std::uint8_t> bytes_;
};

}  // namespace hypervet::vmm
