// SPDX-License-Identifier: Apache-2.0
#include "backends/process/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "backends/process/descriptor.h"

namespace hypervet::process {

std::expected<MappedFile, std::string> MappedFile::open(const std::filesystem::path& path) {
  const auto fail = [&](const char* why) {
    return std::unexpected(fmt::format("{}: {}", path.string(), why));
  };
  // O_NONBLOCK: a named pipe must not make us wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail("is a folder, not a file");
  if (!S_ISREG(status.st_mode)) return fail("is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile({});
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (start == MAP_FAILED) return fail(std::strerror(errno));
  return MappedFile({static_cast<const std::byte*>(start), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace hypervet::process
