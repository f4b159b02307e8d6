// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/nap.h"

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kMeasured = 50'000, kTried = 20'000, kPatience = 50'000'000;  // nanoseconds
constexpr std::uint64_t kLongest = 10'000'000;                                        // nanoseconds

std::uint64_t counts_per_ms = 0;  // 0: there are no naps
bool allowed = false;

// One shot (SDM vol. 3, figure 11-8): mode bits 18:17 stay 0. The vector is neither counted nor
// logged.
void arm(std::uint64_t nanoseconds) {
  const std::uint64_t counts = counts_per_ms * nanoseconds / 1'000'000;
  apic_write(kApicLvtTimer, protocol::kWakeVector);
  apic_write(kApicTimerInitial, counts == 0 ? 1 : static_cast<std::uint32_t>(counts));
}

bool timer_waits() { return requested(protocol::kWakeVector); }

// Does the timer interrupt this CPU? Its interrupt is taken before this ends: left waiting it would
// wake a program that sleeps.
bool timer_comes() {
  arm(kTried);
  bool came = false;
  for (const Deadline deadline(kPatience); !came && !deadline.passed();) came = timer_waits();
  stop_timer();
  if (!came) return false;
  interrupts_on();
  for (const Deadline deadline(kPatience); timer_waits() && !deadline.passed();) pause();
  interrupts_off();
  return !timer_waits();
}

}  // namespace

void prepare_naps() {
  counts_per_ms = timer_counts(1'000'000, kMeasured);
  if (counts_per_ms != 0 && !timer_comes()) counts_per_ms = 0;
}

void allow_naps(bool now_allowed) { allowed = now_allowed && counts_per_ms != 0; }
bool naps_allowed() { return allowed; }

void nap(std::uint64_t nanoseconds) {
  interrupts_off();
  arm(nanoseconds < kLongest ? nanoseconds : kLongest);
  interrupts_on_and_halt();
  stop_timer();
}

}  // namespace hypervet::guest
