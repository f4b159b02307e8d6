// SPDX-License-Identifier: Apache-2.0
// Compresses bytes, for the tests of what unpacks them.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstddef>
#include <span>
#include <vector>

namespace hypervet::test {

// `filter` is one of libarchive's ARCHIVE_FILTER_...; empty on failure.
inline std::vector<std::byte> packed(std::span<const std::byte> bytes, int filter) {
  std::vector<std::byte> out(bytes.size() * 2 + 65536);
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_entry* entry = archive_entry_new();
  archive_write_add_filter(writer, filter);
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_per_block(writer, 0);
  archive_entry_set_filetype(entry, AE_IFREG);
  const bool good =
      archive_write_open_memory(writer, out.data(), out.size(), &used) == ARCHIVE_OK &&
      archive_write_header(writer, entry) == ARCHIVE_OK &&
      archive_write_data(writer, bytes.data(), bytes.size()) ==
          static_cast<la_ssize_t>(bytes.size()) &&
      archive_write_close(writer) == ARCHIVE_OK;
  archive_entry_free(entry);
  archive_write_free(writer);
  out.resize(good ? used : 0);
  return out;
}

}  // namespace hypervet::test
