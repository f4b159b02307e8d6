// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/pending_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace hypervet::lab {
namespace {

std::unexpected<std::string> failure(const std::filesystem::path& path) {
  return std::unexpected(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

}  // namespace

std::expected<void, std::string> make_folders(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return std::unexpected(
        fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  }
  return {};
}

std::expected<PendingFile, std::string> PendingFile::create(std::filesystem::path target) {
  if (target.has_parent_path()) {
    if (auto made = make_folders(target.parent_path()); !made) {
      return std::unexpected(made.error());
    }
  }
  std::string name = target.string() + ".XXXXXX";
  process::Descriptor fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return failure(target);
  return PendingFile(std::move(target), std::move(name), std::move(fd));
}

PendingFile::~PendingFile() {
  if (fd_) unlink(name_.c_str());
}

std::expected<void, std::string> PendingFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd_.get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failure(target_);
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

std::expected<void, std::string> PendingFile::commit() {
  if (fchmod(fd_.get(), 0644) != 0 || std::rename(name_.c_str(), target_.c_str()) != 0) {
    return failure(target_);
  }
  fd_.reset();
  return {};
}

std::expected<void, std::string> write_file(const std::filesystem::path& target,
                                            std::span<const std::byte> bytes) {
  auto file = PendingFile::create(target);
  if (!file) return std::unexpected(file.error());
  if (auto written = file->write(bytes); !written) return written;
  return file->commit();
}

std::expected<void, std::string> write_file(const std::filesystem::path& target,
                                            std::string_view text) {
  return write_file(target, std::as_bytes(std::span(text)));
}

}  // namespace hypervet::lab
