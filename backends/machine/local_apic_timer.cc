// SPDX-License-Identifier: Apache-2.0
// The local APIC's timer (Intel SDM vol. 3, 11.5.4): one-shot, periodic, TSC-deadline.
#include "backends/machine/local_apic.h"

namespace hypervet::machine {
namespace {

constexpr unsigned kPeriodic = 1, kDeadline = 2;  // 0: one-shot

}  // namespace

std::uint64_t LocalApic::divisor() const {
  // Bits 0, 1 and 3; 0b111 divides by 1, 0b000 by 2 and so on (figure 11-10).
  const std::uint32_t code = (state_.timer_divide & 3) | ((state_.timer_divide >> 1) & 4);
  return std::uint64_t{1} << ((code + 1) & 7);
}

std::uint32_t LocalApic::current_count() const {
  if (!state_.timer_running || timer_mode() == kDeadline) return 0;
  const std::uint64_t elapsed = (host_.apic_now() - state_.timer_start) / divisor();
  const std::uint64_t initial = state_.timer_initial;
  if (initial == 0) return 0;
  if (timer_mode() == kPeriodic) return static_cast<std::uint32_t>(initial - elapsed % initial);
  return elapsed >= initial ? 0 : static_cast<std::uint32_t>(initial - elapsed);
}

void LocalApic::arm_timer() {
  state_.timer_running = state_.timer_initial != 0;
  if (state_.timer_running) {
    host_.apic_set_timer(cpu_, state_.timer_start + period());
  } else {
    host_.apic_set_timer(cpu_, std::nullopt);
  }
}

void LocalApic::disarm_timer() {
  state_.timer_running = false;
  state_.tsc_deadline = 0;
  host_.apic_set_timer(cpu_, std::nullopt);
}

void LocalApic::arm_deadline() {
  if (state_.tsc_deadline == 0) return host_.apic_set_timer(cpu_, std::nullopt);
  const std::uint64_t now = host_.apic_now();
  const std::uint64_t tsc = host_.apic_tsc(cpu_);
  // A deadline in the past fires at once; one beyond the end of time never does.
  const std::uint64_t wait = state_.tsc_deadline > tsc ? state_.tsc_deadline - tsc : 0;
  if (wait > UINT64_MAX - now) return host_.apic_set_timer(cpu_, std::nullopt);
  host_.apic_set_timer(cpu_, now + wait);
}

void LocalApic::tsc_changed() {
  if (timer_mode() == kDeadline && state_.tsc_deadline != 0) arm_deadline();
}

void LocalApic::write_lvt_timer(std::uint32_t value) {
  // Vector, mask, mode; mode 3 is reserved (figure 11-8).
  value &= 0x7'00ff;
  if (!software_enabled()) value |= kMasked;
  const unsigned before = timer_mode();
  state_.lvt_timer = value;
  // Into or out of TSC-deadline mode the timer is disarmed (11.5.4.1).
  if ((before == kDeadline) != (timer_mode() == kDeadline)) {
    state_.timer_initial = 0;
    disarm_timer();
  }
}

void LocalApic::timer_expired() {
  const std::uint64_t now = host_.apic_now();
  if (timer_mode() == kDeadline) {
    if (state_.tsc_deadline == 0) return;
    state_.tsc_deadline = 0;
  } else {
    if (!state_.timer_running) return;
    if (timer_mode() == kPeriodic) {
      // Whole periods that the guest slept through are one interrupt, the phase stays.
      const std::uint64_t periods = (now - state_.timer_start) / period();
      state_.timer_start += (periods == 0 ? 1 : periods) * period();
      host_.apic_set_timer(cpu_, state_.timer_start + period());
    } else {
      state_.timer_running = false;
    }
  }
  fire(state_.lvt_timer, Origin::timer);
}

}  // namespace hypervet::machine
