// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <cstring>

namespace hypervet::lab {
namespace {

using Failure = std::unexpected<std::string>;

constexpr std::size_t kChunk = 256 << 10;

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string reason(archive* of) {
  const char* text = archive_error_string(of);
  std::string line = text ? text : "unknown reason";
  for (char& letter : line) {
    if (letter == '\n') letter = ' ';
  }
  return line;
}

// Only these: each further filter or format would add its code, or start a program.
void support_filters(archive* reader) {
  archive_read_support_format_raw(reader);
  archive_read_support_format_empty(reader);
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_zstd(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_lz4(reader);
}

}  // namespace

std::expected<std::vector<std::byte>, std::string> unpacked(std::span<const std::byte> packed,
                                                            std::size_t limit) {
  const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
  if (!reader) return Failure("out of memory");
  support_filters(reader.get());
  if (archive_read_open_memory(reader.get(), packed.data(), packed.size()) != ARCHIVE_OK) {
    return Failure(reason(reader.get()));
  }
  archive_entry* entry = nullptr;
  const int found = archive_read_next_header(reader.get(), &entry);
  std::vector<std::byte> bytes;
  if (found == ARCHIVE_EOF) return bytes;
  if (found != ARCHIVE_OK) return Failure(reason(reader.get()));
  while (true) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kChunk);
    const la_ssize_t size = archive_read_data(reader.get(), bytes.data() + at, kChunk);
    if (size < 0) return Failure(reason(reader.get()));
    bytes.resize(at + static_cast<std::size_t>(size));
    if (bytes.size() > limit) return Failure(fmt::format("more than {} bytes unpacked", limit));
    if (size == 0) return bytes;
  }
}

struct NewcWriter::Entry {
  std::string_view path;
  unsigned type = 0;  // AE_IF...
  std::uint32_t permissions = 0;
  std::span<const std::byte> bytes = {};
  const char* target = nullptr;
  dev_t device = 0;
};

void NewcWriter::Free::operator()(archive* writer) const { archive_write_free(writer); }

NewcWriter::NewcWriter(int fd, std::string name)
    : writer_(archive_write_new()), name_(std::move(name)) {
  if (!writer_) {
    error_ = fmt::format("cannot write {}: out of memory", name_);
    return;
  }
  archive_write_set_format_cpio_newc(writer_.get());
  archive_write_set_bytes_in_last_block(writer_.get(), 1);  // no padding after the end mark
  (void)checked(archive_write_open_fd(writer_.get(), fd));
}

NewcWriter::Done NewcWriter::checked(int result) {
  if (result != ARCHIVE_OK && error_.empty()) {
    // What goes wrong in writing comes from the file: errno says more than "Write error".
    const int error = archive_errno(writer_.get());
    error_ = fmt::format("cannot write {}: {}", name_,
                         error > 0 ? std::strerror(error) : reason(writer_.get()));
  }
  if (!error_.empty()) return Failure(error_);
  return {};
}

NewcWriter::Done NewcWriter::put(const Entry& entry) {
  if (!error_.empty()) return Failure(error_);
  const std::unique_ptr<archive_entry, FreeEntry> record(archive_entry_new());
  archive_entry* header = record.get();
  if (!header) return Failure(fmt::format("cannot write {}: out of memory", name_));
  archive_entry_set_pathname(header, std::string(entry.path).c_str());
  archive_entry_set_filetype(header, entry.type);
  archive_entry_set_perm(header, entry.permissions);
  archive_entry_set_ino64(header, ++inode_);
  archive_entry_set_nlink(header, entry.type == AE_IFDIR ? 2 : 1);
  archive_entry_set_uid(header, 0);
  archive_entry_set_gid(header, 0);
  archive_entry_set_mtime(header, 0, 0);
  archive_entry_set_size(header, static_cast<la_int64_t>(entry.bytes.size()));
  if (entry.target) archive_entry_set_symlink(header, entry.target);
  if (entry.type == AE_IFCHR) archive_entry_set_rdev(header, entry.device);
  if (auto done = checked(archive_write_header(writer_.get(), header)); !done) return done;
  if (entry.bytes.empty()) return {};
  const la_ssize_t size = archive_write_data(writer_.get(), entry.bytes.data(), entry.bytes.size());
  return checked(size == static_cast<la_ssize_t>(entry.bytes.size()) ? ARCHIVE_OK : ARCHIVE_FATAL);
}

NewcWriter::Done NewcWriter::folder(std::string_view path) {
  return put({.path = path, .type = AE_IFDIR, .permissions = 0755});
}

NewcWriter::Done NewcWriter::file(std::string_view path, std::span<const std::byte> bytes,
                                  bool executable) {
  return put(
      {.path = path, .type = AE_IFREG, .permissions = executable ? 0755u : 0644u, .bytes = bytes});
}

NewcWriter::Done NewcWriter::link(std::string_view path, const std::string& target) {
  return put({.path = path, .type = AE_IFLNK, .permissions = 0777, .target = target.c_str()});
}

NewcWriter::Done NewcWriter::character_device(std::string_view path, std::uint32_t permissions,
                                              std::uint32_t major, std::uint32_t minor) {
  return put({.path = path,
              .type = AE_IFCHR,
              .permissions = permissions,
              .device = makedev(major, minor)});
}

NewcWriter::Done NewcWriter::finish() {
  if (!error_.empty()) return Failure(error_);
  return checked(archive_write_close(writer_.get()));
}

}  // namespace hypervet::lab
