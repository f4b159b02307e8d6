// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/schedule.h"

#include <bit>

namespace hypervet::measure {

std::vector<Turn> plan(std::size_t launches_a_side) {
  std::vector<Turn> turns;
  turns.reserve(2 * launches_a_side);
  for (std::size_t i = 0; i < 2 * launches_a_side; ++i)
    turns.push_back(std::popcount(i) % 2 == 0 ? Turn::kA : Turn::kB);
  return turns;
}

}  // namespace hypervet::measure
