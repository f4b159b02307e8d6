// SPDX-License-Identifier: Apache-2.0
// One kMeasure op under way: what the host wants, where the samples go, how it is answered. Runs on
// CPU 0; loops that involve other CPUs say so. protocol/paths.h says what each loop is.
#pragma once

#include <cstdint>

#include "guest-payloads/agent/execute.h"
#include "guest-payloads/protocol/paths.h"
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

// A reading of the TSC that nothing before it follows and nothing after it precedes; see
// instruction_loops.S.
inline std::uint64_t reading() {
  lfence();
  const std::uint64_t now = rdtsc();
  lfence();
  return now;
}

class PathRun {
 public:
  explicit PathRun(OpRun& op_run);

  protocol::PathLoop loop() const { return loop_; }
  std::uint64_t argument(unsigned i) const { return run_.operand(3 + i); }
  bool empty() const { return empty_; }
  bool user() const { return (run_.op().flags & protocol::kUser) != 0; }
  std::uint64_t count() const { return samples_; }
  std::uint64_t warmup() const { return warmup_; }
  std::uint64_t batch() const { return batch_; }
  std::uint64_t operations() const { return (samples_ + warmup_) * batch_; }
  static std::uint64_t* samples() {
    return reinterpret_cast<std::uint64_t*>(protocol::kPathSamplesAddress);
  }
  const Stamp& stamp() const { return run_.stamp(); }

  // Times the body, warm-up first; the empty twin times nothing instead. The body returns false
  // when it cannot go on; then so does this.
  template <typename Body>
  bool time(Body body) {
    if (empty_) return batches(samples_, [] { return true; });
    return (warmup_ == 0 || batches(warmup_, body)) && batches(samples_, body);
  }

  // What shows that the operations were carried out, for the answer.
  std::uint64_t first = 0, sum = 0, last = 0;

  // The answer, exactly one of them.
  void done();
  void failed(protocol::MeasureStatus status);
  void faulted(const Guard& guard);

 private:
  template <typename Body>
  bool batches(std::uint64_t wanted, Body body) {
    std::uint64_t* const to = samples();
    for (std::uint64_t i = 0; i < wanted; ++i) {
      bump_progress();
      bool good = true;
      const std::uint64_t start = reading();
      for (std::uint64_t left = batch_; left != 0; --left) {
        good &= body();
        asm volatile("" : : : "memory");
      }
      to[i] = reading() - start;
      if (!good) return false;
    }
    return true;
  }

  OpRun& run_;
  protocol::PathLoop loop_;
  std::uint64_t samples_, warmup_, batch_;
  bool empty_;
};

// Asks over and over, for a fifth of a second at most. The TSC is not looked at in the first
// rounds, which are the timed ones where all is well.
template <typename Reached>
bool soon(Reached reached) {
  constexpr std::uint64_t kPatience = 200'000'000;
  constexpr std::uint32_t kEager = 128;  // a PAUSE may give the processor away
  std::uint64_t start = 0;
  for (std::uint32_t round = 1;; ++round) {
    if (reached()) return true;
    if (round > kEager) pause();
    if (round % 256 != 0) continue;
    bump_progress();
    if (start == 0) {
      start = rdtsc();
    } else if (rdtsc() - start > to_ticks(kPatience)) {
      return reached();
    }
  }
}

// A handler of the agent's own on a vector while it lives; see Handler::native.
class NativeHandler {
 public:
  NativeHandler(std::uint8_t vector, void (*handle)(void*), void* argument)
      : vector_(vector), saved_(program.handlers[vector]) {
    program.handlers[vector] = {.native = handle, .argument = argument};
  }
  ~NativeHandler() { program.handlers[vector_] = saved_; }
  NativeHandler(const NativeHandler&) = delete;
  NativeHandler& operator=(const NativeHandler&) = delete;

 private:
  std::uint8_t vector_;
  Handler saved_;
};

// The vector that the loops send.
inline constexpr std::uint8_t kPathVector = 0x51;

// The loops, by file.
void instruction_path(PathRun& path);  // instruction_loop.cc
void kvmclock_path(PathRun& path);     // clock_reads.cc
void pit_path(PathRun& path);
void self_ipi_path(PathRun& path);  // self_ipi.cc
void ipi_path(PathRun& path);       // ipi.cc
void wake_path(PathRun& path);      // wake.cc
void arm_path(PathRun& path);       // timers.cc
void fire_path(PathRun& path);
void page_path(PathRun& path);              // pages.cc
void device_interrupt_path(PathRun& path);  // device_interrupt.cc

// The instruction loops with other operands than the op's own.
struct InstructionOperands {
  protocol::PathLoop loop;
  std::uint64_t a0 = 0, a1 = 0, a2 = 0;
};
// False: it has answered with a fault.
bool time_instruction(PathRun& path, const InstructionOperands& operands);

}  // namespace hypervet::guest
