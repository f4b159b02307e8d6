// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/follow.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace hypervet::lab {

bool FollowedFile::take(const std::function<void(std::string_view)>& sink) {
  if (!file_) file_ = process::Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file_) return false;
  std::size_t taken = 0;
  std::array<char, 65536> buffer;
  while (taken < kMostAtOnce) {
    const auto count = ::read(file_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    taken += static_cast<std::size_t>(count);
    bytes_ += static_cast<std::uint64_t>(count);
    sink({buffer.data(), static_cast<std::size_t>(count)});
  }
  return taken > 0;
}

}  // namespace hypervet::lab
