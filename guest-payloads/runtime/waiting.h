// SPDX-License-Identifier: Apache-2.0
// Waiting with interrupts on.
#pragma once

#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

// Interrupts are taken inside this scope alone. They are off again after it.
class InterruptWindow {
 public:
  InterruptWindow() { interrupts_on(); }
  ~InterruptWindow() { interrupts_off(); }
  InterruptWindow(const InterruptWindow&) = delete;
  InterruptWindow& operator=(const InterruptWindow&) = delete;
};

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
    pause();
    bump_progress();
  }
}

}  // namespace hypervet::guest
