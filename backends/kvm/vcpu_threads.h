// SPDX-License-Identifier: Apache-2.0
// The threads that run a machine's vCPUs, and what may be done to them from outside: kick, hold
// still, stop.
//
// Each thread loops in KVM_RUN and hands every exit to the ExitHandler, without a lock. Whoever
// wants something of a vCPU sets its request under the lock, then interrupts KVM_RUN by the shared
// immediate_exit flag and a signal; the thread attends to requests only then. One supervisor (the
// thread that called run()) may use freeze, step and stop.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "backends/kvm/ending.h"
#include "backends/kvm/vcpu.h"

namespace hypervet::kvm {

class ExitHandler;

class VcpuThreads {
 public:
  using Clock = std::chrono::steady_clock;

  // `vcpus` and `handler` must outlive the threads.
  VcpuThreads(std::vector<Vcpu>& vcpus, ExitHandler& handler);
  VcpuThreads(const VcpuThreads&) = delete;
  VcpuThreads& operator=(const VcpuThreads&) = delete;
  // stop() must have been called if start() was.
  ~VcpuThreads() = default;

  // Every thread keeps `machine`, which owns all of this, alive as long as it runs. Throws
  // std::system_error when the system has no thread left; the threads that began are then stopped.
  void start(const std::shared_ptr<void>& machine);

  unsigned count() const { return static_cast<unsigned>(cpus_.size()); }
  Vcpu& vcpu(unsigned cpu) { return *cpus_[cpu].vcpu; }

  // Only the first ending counts. From any thread.
  void end(Ending ending);
  std::optional<Ending> wait_for_end(Clock::time_point until);
  bool is_stopping() const { return stopping_.load(std::memory_order_relaxed); }

  // Holds all vCPUs outside KVM_RUN until thaw(). False: some thread did not come out in time, or
  // the machine has ended; thaw() is still to be called.
  bool freeze(std::chrono::nanoseconds patience);
  void thaw();

  // Has the vCPU carry out one instruction and tells its registers before and after. nullopt: KVM
  // cannot, or does not say within `patience` that it has. Not while frozen.
  struct Step {
    kvm_regs before{};
    kvm_regs after{};
  };
  std::optional<Step> step(unsigned cpu, std::chrono::nanoseconds patience);
  // A single step is over. From the vCPU's own thread.
  void stepped(unsigned cpu);

  // KVM_KVMCLOCK_CTRL on every vCPU. From the thread of `cpu`; the error is that vCPU's own.
  Result<int> pause_clocks(unsigned cpu);

  // Makes every thread leave and joins it. False: KVM_RUN does not return within `patience`; the
  // threads were let go and keep the machine.
  bool stop(std::chrono::nanoseconds patience);

  // Exits to user space so far. Grows only.
  std::uint64_t exits(unsigned cpu) const {
    return cpus_[cpu].exits.load(std::memory_order_relaxed);
  }
  // Processor time that the vCPU's thread has used, the guest's included.
  std::chrono::nanoseconds cpu_time(unsigned cpu);

 private:
  struct alignas(64) Cpu {
    Vcpu* vcpu = nullptr;
    std::atomic<std::uint64_t> exits = 0;  // written by its thread alone
    // The supervisor's:
    std::thread thread;
    std::optional<clockid_t> clock;
    std::chrono::nanoseconds last_time{0};
    // Under mutex_:
    std::optional<pthread_t> id;  // set by the thread itself, once it can take a signal
    bool running = false;
    bool pause_clock = false;
    bool wants_step = false;
    bool stepping = false;
    Step step;
    bool step_done = false;
  };

  void loop(unsigned cpu);
  // After an interruption. False: leave.
  bool attend(Cpu& cpu);
  void kick(Cpu& cpu);
  void begin(Cpu& cpu);
  void leave(Cpu& cpu);

  ExitHandler& handler_;
  std::deque<Cpu> cpus_;  // never moved: a Cpu is not movable
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;  // an ending, a thread parked, left, or done with an errand
  std::condition_variable thawed_;
  std::optional<Ending> ending_;
  bool frozen_ = false;
  unsigned parked_ = 0;
  unsigned running_ = 0;
};

}  // namespace hypervet::kvm
