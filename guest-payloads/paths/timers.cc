// SPDX-License-Identifier: Apache-2.0
// The local APIC's timer (SDM vol. 3, 11.5.4): arming it far ahead, and arming it shortly ahead
// until its handler has run.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

using protocol::PathLoop;

namespace {

constexpr std::uint32_t kDivideBy1 = 0xb, kDeadlineMode = 2u << 17;
constexpr std::uint32_t kDeadlineMsr = 0x6e0;
constexpr std::uint32_t kFarCount = 0x7fff'ff00;
constexpr std::uint64_t kFar = 100'000'000'000, kNear = 20'000;  // ns
constexpr std::uint64_t kCalibration = 200'000;                  // ns

bool by_deadline(const PathRun& path) {
  return path.loop() == PathLoop::kArmDeadline || path.loop() == PathLoop::kFireDeadline;
}

// The vector, and one-shot or deadline mode. A write to the LVT must be seen before one to the
// deadline (SDM vol. 3, 11.5.4.1 asks for a fence between an xAPIC's store and the WRMSR).
void set_up(bool deadline) {
  apic_write(kApicLvtTimer, kPathVector | (deadline ? kDeadlineMode : 0));
  apic_write(kApicTimerDivide, kDivideBy1);
  asm volatile("mfence" : : : "memory");
}

void put_away(bool deadline) {
  apic_write(kApicLvtTimer, kLvtMasked);
  if (!deadline) apic_write(kApicTimerInitial, 0);
}

std::uint64_t fired;

void on_timer(void*) {
  end_of_interrupt();
  __atomic_store_n(&fired, fired + 1, __ATOMIC_RELAXED);
}

}  // namespace

void arm_path(PathRun& path) {
  const bool deadline = by_deadline(path);
  Guard guard;
  // #GP where the processor has no such mode.
  if (deadline && !guarded_rdmsr(guard, kDeadlineMsr)) return path.faulted(guard);
  set_up(deadline);
  const std::uint64_t when = rdtsc() + to_ticks(kFar);
  InstructionOperands o;
  if (deadline) {
    o = {PathLoop::kWrmsr, kDeadlineMsr, when};
  } else if (this_cpu().x2apic) {
    o = {PathLoop::kWrmsr, kMsrX2Apic + kApicTimerInitial / 16, kFarCount};
  } else {
    o = {PathLoop::kMmioWrite, kApicBase + kApicTimerInitial, kFarCount};
  }
  const bool good = time_instruction(path, o);
  if (deadline) guarded_wrmsr(guard, kDeadlineMsr, 0);
  put_away(deadline);
  if (good) path.done();
}

void fire_path(PathRun& path) {
  const bool deadline = by_deadline(path);
  Guard guard;
  if (deadline && !guarded_rdmsr(guard, kDeadlineMsr)) return path.faulted(guard);
  set_up(deadline);
  const std::uint32_t count =
      deadline ? 0 : static_cast<std::uint32_t>(timer_counts(kNear, kCalibration));
  const std::uint64_t ticks = to_ticks(kNear);
  if (!deadline && count == 0) {
    put_away(deadline);
    return path.failed(protocol::MeasureStatus::kNoDevice);
  }
  fired = 0;
  const NativeHandler handler(kPathVector, on_timer, nullptr);
  bool all;
  {
    const InterruptWindow window;
    std::uint64_t armed = 0;
    all = path.time([&] {
      ++armed;
      if (deadline) {
        wrmsr(kDeadlineMsr, rdtsc() + ticks);
      } else {
        apic_write(kApicTimerInitial, count);
      }
      return soon([&] { return __atomic_load_n(&fired, __ATOMIC_RELAXED) >= armed; });
    });
  }
  put_away(deadline);
  path.sum = fired;
  all ? path.done() : path.failed(protocol::MeasureStatus::kLost);
}

}  // namespace hypervet::guest
