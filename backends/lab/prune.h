// SPDX-License-Identifier: Apache-2.0
// Keeps a folder of the cache from growing for ever. Function without state; any thread, any number
// of processes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace hypervet::lab {

// Removes all but the `kept` files with this extension ("": none) that were changed last, and what
// killed processes have left unfinished: files with another extension that nobody has written for
// an hour. Touch a file to say that it is in use.
void prune(const std::filesystem::path& folder, std::string_view extension, std::size_t kept);

void touch(const std::filesystem::path& file);

}  // namespace hypervet::lab
