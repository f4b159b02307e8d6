// SPDX-License-Identifier: Apache-2.0
// Compressed data and the archive that a kernel takes as its first file system, both by libarchive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct archive;

namespace hypervet::lab {

// gzip, xz, lzma, zstd, bzip2 and lz4, told by their first bytes; anything else comes back as it
// is. More than `limit` bytes are an error, as is whatever cannot be unpacked: one line without a
// file's name. Any thread.
std::expected<std::vector<std::byte>, std::string> unpacked(std::span<const std::byte> packed,
                                                            std::size_t limit);

// Writes a cpio archive of the "newc" kind (Documentation/driver-api/early-userspace/
// buffer-format.rst). Owners are root, times are 0, inodes count up: equal calls give equal bytes.
// Paths have no leading slash; folders come before what is in them. After an error all calls
// return it. One thread.
class NewcWriter {
 public:
  using Done = std::expected<void, std::string>;  // one line that has the writer's name

  // Writes to the descriptor, which must outlive the writer. The name is for errors: "cannot write
  // NAME: No space left on device".
  NewcWriter(int fd, std::string name);

  Done folder(std::string_view path);
  Done file(std::string_view path, std::span<const std::byte> bytes, bool executable);
  Done link(std::string_view path, const std::string& target);
  Done character_device(std::string_view path, std::uint32_t permissions, std::uint32_t major,
                        std::uint32_t minor);
  // The end mark. Nothing may follow.
  Done finish();

 private:
  struct Free {
    void operator()(archive* writer) const;
  };
  struct Entry;
  Done put(const Entry& entry);
  Done checked(int result);

  std::unique_ptr<archive, Free> writer_;
  std::string name_;
  std::int64_t inode_ = 0;
  std::string error_;
};

}  // namespace hypervet::lab
