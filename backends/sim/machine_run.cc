// SPDX-License-Identifier: Apache-2.0
// The scheduler: which CPU executes how many instructions, what time it is meanwhile, and when a
// run is over.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <ctime>

#include "backends/sim/machine.h"
#include "backends/sim/vcpu.h"

namespace hypervet::sim {
namespace {

// With several runnable CPUs a slice is short and of random length, so that their instructions
// interleave in many ways; a CPU alone runs until something is due.
constexpr std::uint64_t kShortestSlice = 20, kLongestSlice = 200, kSoloSlice = 50'000;

// While all CPUs spin, each round skips an eighth of the time that they have spun, at most this
// much: a wait of a second costs as many instructions as one of some milliseconds, and ends at most
// an eighth too late.
constexpr std::uint64_t kLongestSkip = 100'000;

constexpr std::uint64_t kLookInterval =
    100'000;  // instructions between looks at the progress counters
// The clock is looked at after this many instructions, a slice counting as some.
constexpr std::uint64_t kClockInterval = 2'000'000, kSliceCost = 1'000;
constexpr unsigned kMaxIdleSkips = 10'000;     // events in a row that woke no CPU
constexpr unsigned kMaxEmptySlices = 100'000;  // slices in a row in which nothing executed

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) fmt::format_to(std::back_inserter(text), " {:02x}", byte);
  return text;
}

// A machine is all computation in one thread, so its time is that thread's: a busy host makes no
// program late.
std::chrono::nanoseconds thread_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

MachineStop Machine::run(const RunLimits& limits) {
  watch_ = Watch{};
  watch_.end = thread_time() + limits.time;
  watch_.start = now_;
  stop_.reset();
  while (!stop_) {
    take_due_events();
    if (const auto cpu = pick()) {
      run_slice(*cpu);
      skip_spinning();
    } else {
      watch_.since_clock += kSliceCost;
      skip_idle();
    }
    check_limits(limits);
  }
  return *stop_;
}

bool Machine::runnable(unsigned index) const {
  const Vcpu& vcpu = *vcpus_[index];
  if (vcpu.stalled_until > now()) return false;
  if (vcpu.waits_for_page) return vcpu.retry_at <= now();
  if (vcpu.attention) return true;
  const CpuState& state = vcpu.cpu.state();
  switch (state.activity) {
    case Activity::running:
      return true;
    case Activity::halted:
      return vcpu.unhalt || (state.interrupt_line && vcpu.cpu.interrupts_open()) ||
             (state.nmi_pending && !state.nmi_blocked);
    case Activity::wait_for_sipi:
    case Activity::shutdown:
      return false;
  }
  return false;
}

std::optional<unsigned> Machine::pick() {
  std::uint32_t ready = 0;
  for (unsigned i = 0; i < vcpus_.size(); ++i) ready |= std::uint32_t{runnable(i)} << i;
  if (ready == 0) return std::nullopt;
  if (preferred_ && (ready >> *preferred_ & 1)) {
    const unsigned chosen = *preferred_;
    preferred_.reset();
    slice_end_ = now_ + kLongestSlice;
    return chosen;
  }
  preferred_.reset();
  if (std::has_single_bit(ready)) {
    slice_end_ = now_ + kSoloSlice;
    return static_cast<unsigned>(std::countr_zero(ready));
  }
  // Whoever spins lets the others run first.
  if (yielded_) ready &= ~(1u << *yielded_);
  yielded_.reset();
  slice_end_ = now_ + kShortestSlice + prng_.below(kLongestSlice - kShortestSlice + 1);
  for (auto skip = prng_.below(static_cast<std::uint64_t>(std::popcount(ready))); skip > 0;
       --skip) {
    ready &= ready - 1;
  }
  return static_cast<unsigned>(std::countr_zero(ready));
}

void Machine::run_slice(unsigned index) {
  Vcpu& vcpu = *vcpus_[index];
  if (vcpu.unhalt && vcpu.cpu.state().activity == Activity::halted) {
    vcpu.unhalt = false;
    vcpu.cpu.wake();
  }
  vcpu.attention = false;
  vcpu.waits_for_page = false;
  model_.before_entry(index);
  update_line(index);
  if (const auto next = next_event()) slice_end_ = std::min(slice_end_, *next);
  const std::uint64_t budget = slice_end_ > now_ ? slice_end_ - now_ : 1;

  slice_ticks_ = vcpu.cpu.ticks();
  current_ = &vcpu;
  const RunResult result = vcpu.cpu.run(budget);
  current_ = nullptr;
  now_ += result.ticks;

  watch_.instructions += result.instructions;
  watch_.since_look += result.instructions;
  watch_.since_clock += result.instructions + kSliceCost;
  if (result.instructions != 0) watch_.idle_skips = 0;
  watch_.empty_slices = result.ticks == 0 ? watch_.empty_slices + 1 : 0;
  after_slice(index, result);
}

void Machine::after_slice(unsigned index, const RunResult& result) {
  Vcpu& vcpu = *vcpus_[index];
  if (vcpu.has_rflags_to_set || vcpu.flush) {
    CpuState state = vcpu.cpu.state();
    if (vcpu.has_rflags_to_set) state.rflags = vcpu.rflags_to_set;
    vcpu.has_rflags_to_set = vcpu.flush = false;
    vcpu.cpu.set_state(state);  // drops the translations too
  }
  model_.after_exit(index);
  update_line(index);
  spinning_ &= ~(1u << index);
  switch (result.reason) {
    case StopReason::budget:
    case StopReason::stopped:
    case StopReason::wait_for_sipi:
      return;
    case StopReason::yield:
      yielded_ = index;
      spinning_ |= 1u << index;
      return;
    case StopReason::halted:
      if (!vcpu.unhalt) model_.descheduled(index);
      return;
    case StopReason::waiting:
      // page_absent() has noted it.
      return;
    case StopReason::shutdown:
      return stop(backends::Stop::kShutdown, fmt::format("triple fault on CPU {}", index));
    case StopReason::unimplemented: {
      const Unimplemented& what = vcpu.cpu.unimplemented();
      return stop(backends::Stop::kUnimplemented,
                  fmt::format("the simulator does not have {} at {:#x} on CPU {}:{}", what.what,
                              vcpu.cpu.state().rip, index,
                              hex({what.bytes.data(), std::min<std::size_t>(what.length, 15)})));
    }
  }
}

// --- Events and idle time
// -------------------------------------------------------------------------

void Machine::take_due_events() {
  while (const auto event = events_.take_due(now_)) {
    const unsigned cpu = event->argument;
    if (event->kind == kDeviceWork) slot_.work();
    if (event->kind == kApicTimer) {
      // The priority decision needs to know of a PV EOI that the guest may have signalled.
      model_.after_exit(cpu);
      vcpus_[cpu]->apic.timer_expired();
    }
  }
  if (const auto due = model_.next_event_ns(); due && *due <= now_) {
    model_.host_work();
  }
}

std::optional<std::uint64_t> Machine::next_event() const {
  const auto own = events_.next();
  const auto models = model_.next_event_ns();
  if (own && models) return std::min(*own, *models);
  return own ? own : models;
}

// Could this event make a CPU execute? A timer interrupt cannot if its CPU halts with interrupts
// off.
bool Machine::can_wake(const machine::Event& event) const {
  return event.kind != kApicTimer || vcpus_[event.argument]->cpu.interrupts_open() ||
         vcpus_[event.argument]->waits_for_page;
}

void Machine::skip_idle() {
  auto until = model_.next_event_ns();
  for (const machine::Event& event : events_.pending()) {
    if (can_wake(event)) until = std::min(until.value_or(event.when), event.when);
  }
  if (!until || ++watch_.idle_skips > kMaxIdleSkips) {
    return stop(backends::Stop::kDeadlock, "every CPU is halted and nothing can wake one");
  }
  now_ = std::max(now_, *until);
}

// PAUSE says that the CPU waits for another one, or for time to pass. If all do, it is time.
void Machine::skip_spinning() {
  bool all = true;
  for (unsigned i = 0; i < vcpus_.size(); ++i) {
    if (runnable(i) && !(spinning_ >> i & 1)) all = false;
  }
  if (!all || spinning_ == 0) {
    spinning_since_ = now_;
    return;
  }
  std::uint64_t step = std::min((now_ - spinning_since_) / 8, kLongestSkip);
  if (const auto next = next_event()) step = *next > now_ ? std::min(step, *next - now_) : 0;
  now_ += step;
}

void Machine::check_limits(const RunLimits& limits) {
  if (stop_) return;
  if (watch_.instructions > limits.instructions || now_ - watch_.start > limits.ticks) {
    return stop(backends::Stop::kDeadline, fmt::format("no end after {} ms of virtual time",
                                                       (now_ - watch_.start) / 1'000'000));
  }
  if (watch_.empty_slices > kMaxEmptySlices) {
    return stop(backends::Stop::kStuck, "no CPU completes an instruction");
  }
  if (watch_.since_look >= kLookInterval && limits.still_instructions != 0) {
    const std::uint64_t progress = mailbox().progress();
    watch_.still = progress == watch_.progress ? watch_.still + watch_.since_look : 0;
    watch_.progress = progress;
    watch_.since_look = 0;
    if (watch_.still > limits.still_instructions) {
      return stop(backends::Stop::kStuck, fmt::format("{} million instructions without progress",
                                                      watch_.still / 1'000'000));
    }
  }
  if (watch_.since_clock < kClockInterval) return;
  watch_.since_clock = 0;
  if (thread_time() > watch_.end) {
    stop(backends::Stop::kDeadline, "no end within the time limit");
  }
}

}  // namespace hypervet::sim
