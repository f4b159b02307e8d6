// SPDX-License-Identifier: Apache-2.0
// The threads that run a machine's vCPUs, and what may be done to them from outside: kick, hold
// still, stop. CPU 0 runs in the thread that calls run(), each other one in a thread of its own.
//
// Each thread loops in KVM_RUN and hands every exit to the ExitHandler, without a lock. Whoever
// wants something of a vCPU sets its request under the lock, then interrupts KVM_RUN by the shared
// immediate_exit flag and a signal; the thread attends to requests only then. One supervisor may
// use freeze and step.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
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

  // `vcpus` and `handler` must outlive the threads. `let_go` is called once the machine has ended,
  // from any thread: it releases vCPUs that wait in the kernel for something that the host has to
  // do.
  VcpuThreads(std::vector<Vcpu>& vcpus, ExitHandler& handler, std::function<void()> let_go);
  VcpuThreads(const VcpuThreads&) = delete;
  VcpuThreads& operator=(const VcpuThreads&) = delete;
  ~VcpuThreads() = default;

  // To be called first, by the thread that will call run(); starts the other CPUs' threads. Each
  // keeps `machine`, which owns all of this, alive as long as it runs. Throws std::system_error
  // when the system has no thread left; those that had begun are then stopped.
  void start(const std::shared_ptr<void>& machine);
  // Runs CPU 0 until the machine ends, then stops the other CPUs. Nullopt: some KVM_RUN does not
  // return within `patience`; its thread was let go and keeps the machine.
  std::optional<Ending> run(std::chrono::nanoseconds patience);

  unsigned count() const { return static_cast<unsigned>(cpus_.size()); }
  Vcpu& vcpu(unsigned cpu) { return *cpus_[cpu].vcpu; }

  // Ends the machine: all vCPUs are told to leave. Only the first ending counts. From any thread.
  void end(Ending ending);
  bool has_ended() const { return stopping_.load(std::memory_order_relaxed); }

  // Makes the vCPU leave the guest and enter it again. From any thread.
  void poke(unsigned cpu);

  // Holds all vCPUs outside KVM_RUN until thaw(). False: some thread did not come out in time, or
  // the machine has ended; thaw() is still to be called.
  bool freeze(std::chrono::nanoseconds patience);
  void thaw();

  // Has the vCPU carry out one instruction. Waits until KVM says that it has, or its thread has
  // used `budget` of processor time without, at most `patience` of real time. Not while frozen.
  struct Step {
    bool done = false;       // before and after are valid
    bool exhausted = false;  // the budget was used up, or KVM cannot step
    bool unsafe = false;     // it was not tried: an interrupt might have come in between
    kvm_regs before{};
    kvm_regs after{};
  };
  Step step(unsigned cpu, std::chrono::nanoseconds budget, std::chrono::nanoseconds patience);
  // A single step is over. From the vCPU's own thread.
  void stepped(unsigned cpu);

  // KVM_KVMCLOCK_CTRL on every vCPU. From the thread of `cpu`; the error is that vCPU's own.
  Result<int> pause_clocks(unsigned cpu);

  // Exits to user space so far. Grows only.
  std::uint64_t exits(unsigned cpu) const {
    return cpus_[cpu].exits.load(std::memory_order_relaxed);
  }
  // Processor time that the vCPU's thread has used, the guest's included.
  std::chrono::nanoseconds cpu_time(unsigned cpu);

 private:
  struct alignas(64) Cpu {
    Vcpu* vcpu = nullptr;
    std::atomic<std::uint64_t> exits = 0;   // written by its thread alone
    std::thread thread;                     // none for CPU 0; of the thread that calls run()
    std::optional<clockid_t> clock;         // set by start()
    std::chrono::nanoseconds last_time{0};  // the supervisor's
    // Under mutex_:
    std::optional<pthread_t> id;  // set by the thread itself, once it can take a signal
    bool running = false;
    bool pause_clock = false;
    bool wants_step = false;
    bool stepping = false;
    Step step;
  };

  void loop(unsigned cpu);
  bool stop_others(std::chrono::nanoseconds patience);
  // After an interruption. False: leave.
  bool attend(Cpu& cpu);
  void kick(Cpu& cpu);
  void begin(Cpu& cpu);
  void leave(Cpu& cpu);

  ExitHandler& handler_;
  std::function<void()> let_go_;
  std::deque<Cpu> cpus_;  // never moved: a Cpu is not movable
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;  // an ending, or a thread parked, left, or did as it was told
  std::condition_variable thawed_;
  std::optional<Ending> ending_;
  bool frozen_ = false;
  unsigned parked_ = 0;
  unsigned running_ = 0;
};

}  // namespace hypervet::kvm
