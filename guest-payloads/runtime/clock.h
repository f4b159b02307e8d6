// SPDX-License-Identifier: Apache-2.0
// Nanoseconds from the TSC. The frequency is told by the host (tsc-khz=) or else read from CPUID;
// set once at boot.
#pragma once

#include <cstdint>

#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

// 0: asks CPUID (leaf 0x40000010 of VMware and KVM, leaf 0x15), and assumes 1 GHz where that says
// nothing.
void set_tsc_khz(std::uint64_t khz);
// Both saturate at 2^64 - 1.
std::uint64_t to_ticks(std::uint64_t nanoseconds);
std::uint64_t to_nanoseconds(std::uint64_t ticks);

// A stretch of TSC time.
class Deadline {
 public:
  explicit Deadline(std::uint64_t nanoseconds) : start_(rdtsc()), ticks_(to_ticks(nanoseconds)) {}
  bool passed() const { return elapsed_ticks() >= ticks_; }
  std::uint64_t elapsed() const { return to_nanoseconds(elapsed_ticks()); }
  std::uint64_t left() const {
    const std::uint64_t passed = elapsed_ticks();
    return passed < ticks_ ? to_nanoseconds(ticks_ - passed) : 0;
  }

 private:
  std::uint64_t elapsed_ticks() const {
    const std::uint64_t now = rdtsc();
    return now < start_ ? 0 : now - start_;  // a TSC that a host turned back
  }
  std::uint64_t start_;
  std::uint64_t ticks_;
};

}  // namespace hypervet::guest
