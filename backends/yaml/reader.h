// SPDX-License-Identifier: Apache-2.0
// From bytes to nodes: reads YAML text with every limit that hostile input calls for. Pure but for
// the file that read_source() reads; any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backends/yaml/diagnostic.h"
#include "backends/yaml/node.h"

namespace hypervet::yaml {

inline constexpr std::size_t kMaxFileSize = 16u << 20;  // bytes
inline constexpr std::size_t kMaxDepth = 48;            // nested lists and maps
inline constexpr std::size_t kMaxNodes = 2'000'000;     // of a file, aliases written out
inline constexpr std::size_t kMaxScalar = 64u << 10;    // bytes of one value

// The file's bytes, at most kMaxFileSize. The diagnostic names the file as a whole.
std::expected<std::shared_ptr<const SourceFile>, Diagnostic> read_source(
    const std::filesystem::path& path);

// The documents of the file, each as one node; at least one.
std::expected<std::vector<Node>, Diagnostics> parse_yaml(
    const std::shared_ptr<const SourceFile>& file);

}  // namespace hypervet::yaml
