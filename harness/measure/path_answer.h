// SPDX-License-Identifier: Apache-2.0
// What the agent answered to a path's program. Every byte is guest-controlled: whatever does not
// fit the program, or does not show that the work was done, is an error of one line and no figure.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "harness/program/observations.h"
#include "harness/program/path_program.h"

namespace hypervet::measure {

struct PathAnswer {
  std::vector<std::uint64_t> loop;   // ticks of each batch
  std::vector<std::uint64_t> empty;  // of the empty loop's
};

// Why there is no answer.
struct NoAnswer {
  bool absent = false;  // what was to be measured is not there: a reason to skip
  std::string why;
};

std::expected<PathAnswer, NoAnswer> read_answer(const spec::Operation& operation,
                                                const program::PathSizes& sizes,
                                                std::span<const program::Observation> observations);

}  // namespace hypervet::measure
