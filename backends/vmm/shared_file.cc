// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/shared_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hypervet::vmm {
namespace {

std::unexpected<std::string> failure(const char* name) {
  return std::unexpected(fmt::format("no memory for the {}: {}", name, std::strerror(errno)));
}

}  // namespace

std::expected<SharedFile, std::string> SharedFile::create(const char* name, std::uint64_t size) {
  SharedFile file{process::Descriptor(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING))};
  if (!file.file_ || ::ftruncate(file.fd(), static_cast<off_t>(size)) != 0) return failure(name);
  return file;
}

std::expected<SharedFile, std::string> SharedFile::mapped(const char* name, std::uint64_t size) {
  auto file = create(name, size);
  if (!file) return file;
  if (::fcntl(file->fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) return failure(name);
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd(), 0);
  if (start == MAP_FAILED) return failure(name);
  file->bytes_ = {static_cast<std::uint8_t*>(start), size};
  return file;
}

SharedFile::~SharedFile() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::string SharedFile::path() const { return fmt::format("/proc/self/fd/{}", fd()); }

std::expected<void, std::string> SharedFile::write(std::span<const std::byte> content) {
  for (std::size_t at = 0; at < content.size();) {
    const auto count =
        ::pwrite(fd(), content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failure("file");
    at += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace hypervet::vmm
