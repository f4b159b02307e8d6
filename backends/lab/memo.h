// SPDX-License-Identifier: Apache-2.0
// What was found out about files at some cost, kept for the next run. An answer counts only for a
// file with the same path, size and times of change as when it was asked for, so a stale one is
// never given. Functions without state; any thread, any number of processes with the same folder.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace hypervet::lab {

using Answer = std::expected<std::string, std::string>;

// The answer to `question` about `file`: the one that is kept in `folder`, or what `find_out` says,
// which is then kept unless it is an error or empty. An empty folder keeps nothing, and one that
// cannot be written is no error.
Answer recall(const std::filesystem::path& folder, std::string_view question,
              const std::filesystem::path& file, const std::function<Answer()>& find_out);

}  // namespace hypervet::lab
