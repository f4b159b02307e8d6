// SPDX-License-Identifier: Apache-2.0
#include "backends/process/scratch_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

namespace hypervet::process {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "hypervet-scratch-";
// A folder has another name until it is locked, so that nobody takes it for an abandoned one.
constexpr std::string_view kUnlocked = "hypervet-newscratch-";

Descriptor open_folder(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_mine(int folder) {
  struct stat status{};
  return fstat(folder, &status) == 0 && status.st_uid == geteuid();
}

void sweep(const fs::path& place) {
  std::error_code error;
  for (fs::directory_iterator it(place, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().native().starts_with(kPrefix)) continue;
    const auto folder = open_folder(it->path());
    if (!folder || !is_mine(folder.get()) || flock(folder.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code ignored;
    fs::remove_all(it->path(), ignored);
  }
}

}  // namespace

std::expected<ScratchFolder, std::string> ScratchFolder::create() {
  std::error_code error;
  const auto place = fs::temp_directory_path(error);
  if (error) return std::unexpected(fmt::format("no temporary folder: {}", error.message()));
  sweep(place);
  auto made = (place / fmt::format("{}XXXXXX", kUnlocked)).string();
  const auto failure = [&](const char* why) {
    return std::unexpected(fmt::format("no temporary folder {}: {}", made, why));
  };
  if (::mkdtemp(made.data()) == nullptr) return failure(std::strerror(errno));
  const auto path = place / fmt::format("{}{}", kPrefix, made.substr(made.size() - 6));
  auto lock = open_folder(made);
  if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
      ::rename(made.c_str(), path.c_str()) != 0) {
    const int cause = errno;
    ::rmdir(made.c_str());
    return failure(std::strerror(cause));
  }
  return ScratchFolder(path, std::move(lock));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace hypervet::process
