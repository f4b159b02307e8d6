// SPDX-License-Identifier: Apache-2.0
// Single instructions under the guard, for whoever needs more than one of them. False if it
// faulted; the guard says how.
#pragma once

#include <cstdint>

#include "guest-payloads/runtime/guard.h"

namespace hypervet::guest {

// `first` + 0, 1, 2, 3 for the widths 1, 2, 4, 8: the order of enum Instruction.
inline Instruction by_width(Instruction first, unsigned width) {
  return static_cast<Instruction>(static_cast<unsigned>(first) +
                                  static_cast<unsigned>(__builtin_ctz(width)));
}

// The value is in the guard's RAX, as wide as it was loaded.
bool guarded_load(Guard& guard, unsigned width, std::uint64_t address);
bool guarded_store(Guard& guard, unsigned width, std::uint64_t address, std::uint64_t value);
bool guarded_rdmsr(Guard& guard, std::uint32_t msr);
bool guarded_wrmsr(Guard& guard, std::uint32_t msr, std::uint64_t value);

}  // namespace hypervet::guest
