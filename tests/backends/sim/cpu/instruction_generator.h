// SPDX-License-Identifier: Apache-2.0
//
// Random user-mode integer instructions, with registers that make their memory operands hit the
// window (mostly) and with knowledge of what the manual leaves undefined.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "tests/backends/sim/cpu/native_processor.h"

namespace hypervet::sim::testing {

struct Candidate {
  std::array<std::uint8_t, 16> bytes{};
  unsigned length = 0;
  UserRegisters in;
  std::uint64_t compared_flags = 0;  // status flags that are defined, if nothing faults
  unsigned undefined_register = 16;  // a register whose result is undefined, or 16
  std::uint64_t branch_slot = 0;  // address of the branch target that the instruction loads, or 0
  std::string text;               // mnemonic
};

class InstructionGenerator {
 public:
  explicit InstructionGenerator(std::uint64_t seed) : random_(seed) {}
  Candidate next();

 private:
  std::uint64_t number() { return random_(); }
  bool one_in(unsigned n) { return number() % n == 0; }
  std::uint64_t value();
  std::uint64_t window_address();
  std::optional<Candidate> attempt();
  unsigned random_bytes(std::array<std::uint8_t, 16>& bytes);
  std::mt19937_64 random_;
};

}  // namespace hypervet::sim::testing
