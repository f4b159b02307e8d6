// SPDX-License-Identifier: Apache-2.0
// Giving the processor away while waiting, for a host that runs more machines than it has
// processors. The local APIC's timer ends a nap, so a program that tests that timer must not nap.
#pragma once

#include <cstdint>

namespace hypervet::guest {

// Measures this CPU's timer against the TSC. Takes some 100 us; interrupts are off before and
// after. Where the timer does not work nothing ever naps.
void prepare_naps();
// For the program that runs: off at its beginning. No effect before prepare_naps().
void allow_naps(bool allowed);
bool naps_allowed();

// Halts until an interrupt comes, at the latest after so many nanoseconds (at most some
// milliseconds). Interrupts are on before and after.
void nap(std::uint64_t nanoseconds);

}  // namespace hypervet::guest
