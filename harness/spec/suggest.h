// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word nearest to one that is not known. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::spec {

// ", did you mean 'x'?" for the nearest of the words, or "" if none is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

// "a, b or c".
std::string one_of(std::span<const std::string_view> words);

}  // namespace hypervet::spec
