// SPDX-License-Identifier: Apache-2.0
//
// The bytes of the programs of programs.S.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hypervet::sim::testing {

// A program by its name; the test fails and the answer is empty if there is none of that name.
std::span<const std::uint8_t> program(std::string_view name);

}  // namespace hypervet::sim::testing
