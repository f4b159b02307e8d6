// SPDX-License-Identifier: Apache-2.0
// Reads a file that another process is still writing. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "backends/process/descriptor.h"

namespace hypervet::lab {

class FollowedFile {
 public:
  explicit FollowedFile(std::filesystem::path file) : path_(std::move(file)) {}

  // Hands on what has been added since the last call, in pieces; false: nothing was. The file need
  // not exist yet. At most kMostAtOnce bytes: who writes faster than this reads keeps nobody here.
  static constexpr std::size_t kMostAtOnce = std::size_t{16} << 20;
  bool take(const std::function<void(std::string_view)>& sink);
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  process::Descriptor file_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hypervet::lab
