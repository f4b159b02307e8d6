// SPDX-License-Identifier: Apache-2.0
// A selection written down: the ids of case instances, one a line. Pure; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "harness/run/select.h"

namespace hypervet::run {

// The instances that the text lists, in its order. Blank lines and lines that begin with '#' say
// nothing. An unknown or repeated id, or a text without any, is an error of one line that begins
// with "name:line".
std::expected<std::vector<Instance>, std::string> select_listed(const spec::Specs& specs,
                                                                std::string_view text,
                                                                std::string_view name);

}  // namespace hypervet::run
