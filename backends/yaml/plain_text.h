// SPDX-License-Identifier: Apache-2.0
// What a file must be before a YAML parser sees it: UTF-8 without control characters, with spaces
// for indentation. Pure functions.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "backends/yaml/diagnostic.h"

namespace hypervet::yaml {

// Length of the valid UTF-8 sequence at `at`; 0: none. Overlong forms and surrogates are not valid.
std::size_t utf8_length(std::string_view text, std::size_t at);

// The first thing in the file that no YAML parser should see. Such a parser guesses encodings,
// begins lines where nobody else does, and keeps the tokens of a whole flow collection in memory.
std::optional<Diagnostic> refuse_bytes(const std::shared_ptr<const SourceFile>& file);

}  // namespace hypervet::yaml
