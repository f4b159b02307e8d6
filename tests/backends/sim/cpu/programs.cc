// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/sim/cpu/programs.h"

#include <gtest/gtest.h>

extern "C" {

struct HvProgram {
  const char* name;
  const std::uint8_t* begin;
  const std::uint8_t* end;
};

extern const HvProgram* const hv_programs_begin;
extern const HvProgram* const hv_programs_end;
}

namespace hypervet::sim::testing {

std::span<const std::uint8_t> program(std::string_view name) {
  for (const auto& entry : std::span(hv_programs_begin, hv_programs_end)) {
    if (entry.name == name) return {entry.begin, entry.end};
  }
  ADD_FAILURE() << "programs.S has no " << name;
  return {};
}

}  // namespace hypervet::sim::testing
