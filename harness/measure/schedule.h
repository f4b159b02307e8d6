// SPDX-License-Identifier: Apache-2.0
// The order in which two builds are launched. Pure; any thread.
#pragma once

#include <cstddef>
#include <vector>

namespace hypervet::measure {

enum class Turn { kA, kB };

// `launches_a_side` of each, beginning A B B A B A A B: the Thue-Morse sequence. So a machine that
// warms up or grows busier burdens both sides alike: linear drift cancels over every four launches,
// quadratic drift over every eight (Prouhet). An odd number of launches leaves one place of
// difference in all, the least that there can be.
std::vector<Turn> plan(std::size_t launches_a_side);

}  // namespace hypervet::measure
