// SPDX-License-Identifier: Apache-2.0
// Waiting with interrupts on.
#pragma once

#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/instructions.h"
#include "guest-payloads/runtime/nap.h"

namespace hypervet::guest {

// Interrupts are taken inside this scope alone. They are off again after it.
class InterruptWindow {
 public:
  InterruptWindow() { interrupts_on(); }
  ~InterruptWindow() { interrupts_off(); }
  InterruptWindow(const InterruptWindow&) = delete;
  InterruptWindow& operator=(const InterruptWindow&) = delete;
};

// How long a wait may sleep, in nanoseconds: so that it sees what it waits for a quarter late at
// most. 0: not at all.
inline std::uint64_t next_nap(const Deadline& deadline) {
  constexpr std::uint64_t kSpun = 200'000;
  if (!naps_allowed()) return 0;  // first, as the clock costs dear where ring 0 is emulated
  const std::uint64_t waited = deadline.elapsed(), left = deadline.left();
  if (waited < kSpun) return 0;
  return waited / 4 < left ? waited / 4 : left;
}

// Asks `reached` over and over, with interrupts on all the while: a hypervisor that emulates may
// look for interrupts only every hundred instructions, and would miss windows of a few. True if
// reached before the deadline, which is looked at before the last question, so that a CPU that was
// not scheduled meanwhile does not call it missed.
template <typename Reached>
bool spin_until(const Deadline& deadline, Reached reached) {
  const InterruptWindow window;
  for (;;) {
    const bool last = deadline.passed();
    if (reached()) return true;
    if (last) return false;
    if (const std::uint64_t sleep = next_nap(deadline); sleep != 0) {
      nap(sleep);
    } else {
      pause();
    }
    bump_progress();
  }
}

// The same for a wait that nothing ends early.
inline void sit_out(const Deadline& deadline) {
  const InterruptWindow window;
  while (!deadline.passed()) {
    if (naps_allowed()) {
      nap(deadline.left());
    } else {
      pause();
    }
    bump_progress();
  }
}

}  // namespace hypervet::guest
