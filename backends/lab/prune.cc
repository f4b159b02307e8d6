// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/prune.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

namespace hypervet::lab {

namespace fs = std::filesystem;

void prune(const fs::path& folder, std::string_view extension, std::size_t kept) {
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const auto time = it->last_write_time(gone);
    if (gone || !it->is_regular_file(gone)) continue;
    if (it->path().extension() == extension) {
      files.emplace_back(time, it->path());
    } else if (time < long_ago) {
      fs::remove(it->path(), gone);
    }
  }
  std::ranges::sort(files, std::greater());
  for (std::size_t i = kept; i < files.size(); ++i) fs::remove(files[i].second, error);
}

void touch(const fs::path& file) {
  std::error_code ignored;
  fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
}

}  // namespace hypervet::lab
