// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/vcpu_threads.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <system_error>

#include "backends/kvm/exit_handler.h"

namespace hypervet::kvm {
namespace {

int kick_signal() { return SIGRTMIN + 5; }

// The signal has no work but to end KVM_RUN: the handler is empty, and without SA_RESTART the call
// returns EINTR.
void install_kick_handler() {
  static const bool installed = [] {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigemptyset(&action.sa_mask);
    return sigaction(kick_signal(), &action, nullptr) == 0;
  }();
  (void)installed;
}

// Unblocks the kick for the calling thread, for as long as the object lives.
class HearKicks {
 public:
  HearKicks() {
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, kick_signal());
    pthread_sigmask(SIG_UNBLOCK, &kick, &before_);
  }
  ~HearKicks() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HearKicks(const HearKicks&) = delete;
  HearKicks& operator=(const HearKicks&) = delete;

 private:
  sigset_t before_;
};

// The process's own signals belong to its other threads; an application processor's takes the kick
// alone.
void accept_only_kicks() {
  sigset_t blocked;
  sigfillset(&blocked);
  for (const int needed : {kick_signal(), SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
    sigdelset(&blocked, needed);
  }
  pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

std::optional<clockid_t> clock_of(pthread_t thread) {
  clockid_t clock;
  if (pthread_getcpuclockid(thread, &clock) != 0) return std::nullopt;
  return clock;
}

}  // namespace

VcpuThreads::VcpuThreads(std::vector<Vcpu>& vcpus, ExitHandler& handler,
                         std::function<void()> let_go)
    : handler_(handler), let_go_(std::move(let_go)) {
  for (Vcpu& vcpu : vcpus) cpus_.emplace_back().vcpu = &vcpu;
}

void VcpuThreads::start(const std::shared_ptr<void>& machine) {
  install_kick_handler();
  cpus_.front().clock = clock_of(pthread_self());
  begin(cpus_.front());
  try {
    for (unsigned i = 1; i < count(); ++i) {
      begin(cpus_[i]);
      cpus_[i].thread = std::thread([this, i, machine] {
        accept_only_kicks();
        loop(i);
      });
      cpus_[i].clock = clock_of(cpus_[i].thread.native_handle());
    }
  } catch (const std::system_error&) {
    end({backends::Stop::kBackendError, "no thread left for a vCPU"});
    for (Cpu& cpu : cpus_) {
      if (cpu.running && !cpu.thread.joinable()) leave(cpu);
    }
    stop_others(std::chrono::seconds(2));
    throw;
  }
}

void VcpuThreads::begin(Cpu& cpu) {
  const std::lock_guard lock(mutex_);
  cpu.running = true;
  ++running_;
}

std::optional<Ending> VcpuThreads::run(std::chrono::nanoseconds patience) {
  {
    const HearKicks hear;
    loop(0);
  }
  if (count() > 1 && !stop_others(patience)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return ending_;
}

void VcpuThreads::loop(unsigned index) {
  Cpu& cpu = cpus_[index];
  {
    const std::lock_guard lock(mutex_);
    cpu.id = pthread_self();
  }
  // A request that came before there was anybody to signal has set the flag that ends the first
  // KVM_RUN.
  for (;;) {
    handler_.before_entry(*cpu.vcpu, index);
    const int error = cpu.vcpu->run();
    if (error == 0) [[likely]] {
      cpu.exits.store(cpu.exits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      if (!handler_.handle(*this, index)) break;
    } else if (error == EINTR) {
      if (!attend(cpu)) break;
    } else if (error != EAGAIN) {  // EAGAIN: an application processor that has just been started
      end({backends::Stop::kInternalError,
           fmt::format("CPU {}: KVM_RUN: {}", index, std::generic_category().message(error))});
      break;
    }
  }
  leave(cpu);
}

bool VcpuThreads::attend(Cpu& cpu) {
  // Before the requests are read: one that comes later interrupts again.
  cpu.vcpu->clear_interrupt();
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    if (cpu.pause_clock) {
      // EINVAL: this vCPU's clock is off, so there is nothing to be told of.
      (void)call(cpu.vcpu->fd(), HV_REQUEST(KVM_KVMCLOCK_CTRL));
      cpu.pause_clock = false;
      changed_.notify_all();
    }
    if (cpu.wants_step != cpu.stepping) {
      const auto before = cpu.vcpu->regs();
      cpu.step.before = before.value_or(kvm_regs{});
      cpu.stepping = false;
      if (cpu.wants_step && before) {
        const auto begun = cpu.vcpu->single_step(true);
        cpu.stepping = begun.has_value();
        cpu.step.unsafe = !begun && begun.error().number == ENOTSUP;
      }
      if (!cpu.stepping) (void)cpu.vcpu->single_step(false);
      cpu.wants_step = cpu.stepping;
      changed_.notify_all();
    }
    if (!frozen_) return true;
    ++parked_;
    changed_.notify_all();
    thawed_.wait(lock, [&] { return !frozen_ || stopping_; });
    --parked_;
  }
}

void VcpuThreads::kick(Cpu& cpu) {
  cpu.vcpu->interrupt_run();
  if (cpu.id) pthread_kill(*cpu.id, kick_signal());
}

void VcpuThreads::leave(Cpu& cpu) {
  const std::lock_guard lock(mutex_);
  cpu.running = false;
  cpu.id.reset();
  --running_;
  changed_.notify_all();
}

void VcpuThreads::end(Ending ending) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = std::move(ending);
    stopping_ = true;
    changed_.notify_all();
    thawed_.notify_all();
  }
  // First, or a vCPU that waits for a page in the kernel may not hear the signal.
  let_go_();
  const std::lock_guard lock(mutex_);
  for (Cpu& cpu : cpus_) {
    if (cpu.running && !(cpu.id && pthread_equal(*cpu.id, pthread_self()))) kick(cpu);
  }
}

void VcpuThreads::poke(unsigned index) {
  const std::lock_guard lock(mutex_);
  if (cpus_[index].running) kick(cpus_[index]);
}

bool VcpuThreads::freeze(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  frozen_ = true;
  for (Cpu& cpu : cpus_) {
    if (cpu.running) kick(cpu);
  }
  changed_.wait_for(lock, patience, [&] { return parked_ == running_ || ending_; });
  return parked_ == running_ && !ending_;
}

void VcpuThreads::thaw() {
  const std::lock_guard lock(mutex_);
  frozen_ = false;
  thawed_.notify_all();
}

VcpuThreads::Step VcpuThreads::step(unsigned index, std::chrono::nanoseconds budget,
                                    std::chrono::nanoseconds patience) {
  constexpr auto kSlice = std::chrono::milliseconds(10);
  Cpu& cpu = cpus_[index];
  const auto until = Clock::now() + patience;
  const auto used_before = cpu_time(index);
  std::unique_lock lock(mutex_);
  if (!cpu.running) return {};
  cpu.step = {};
  cpu.wants_step = true;
  kick(cpu);
  do {
    changed_.wait_for(lock, kSlice, [&] { return !cpu.wants_step || ending_; });
    cpu.step.exhausted =
        !cpu.step.done && (!cpu.wants_step || cpu_time(index) - used_before >= budget);
  } while (cpu.wants_step && !cpu.step.exhausted && !ending_ && Clock::now() < until);
  const Step result = cpu.step;
  cpu.wants_step = false;
  if (cpu.stepping && cpu.running) kick(cpu);
  return result;
}

void VcpuThreads::stepped(unsigned index) {
  Cpu& cpu = cpus_[index];
  (void)cpu.vcpu->single_step(false);
  const auto after = cpu.vcpu->regs();
  const std::lock_guard lock(mutex_);
  if (after) cpu.step.after = *after;
  cpu.step.done = after.has_value() && cpu.stepping;
  cpu.wants_step = cpu.stepping = false;
  changed_.notify_all();
}

Result<int> VcpuThreads::pause_clocks(unsigned index) {
  {
    std::unique_lock lock(mutex_);
    for (Cpu& cpu : cpus_) {
      if (&cpu == &cpus_[index] || !cpu.running) continue;
      cpu.pause_clock = true;
      kick(cpu);
    }
    // Bounded, because the other may be inside a verb of its own and waiting for this one.
    changed_.wait_for(lock, std::chrono::milliseconds(100), [&] {
      for (const Cpu& cpu : cpus_) {
        if (cpu.running && cpu.pause_clock) return false;
      }
      return true;
    });
  }
  return call(cpus_[index].vcpu->fd(), HV_REQUEST(KVM_KVMCLOCK_CTRL));
}

bool VcpuThreads::stop_others(std::chrono::nanoseconds patience) {
  constexpr auto kAgain = std::chrono::milliseconds(50);
  const auto until = Clock::now() + patience;
  bool all_left = false;
  {
    std::unique_lock lock(mutex_);
    do {
      all_left = changed_.wait_for(lock, kAgain, [&] { return running_ == 0; });
      for (Cpu& cpu : cpus_) {
        if (cpu.running) kick(cpu);
      }
    } while (!all_left && Clock::now() < until);
  }
  for (Cpu& cpu : cpus_) {
    if (!cpu.thread.joinable()) continue;
    if (all_left) {
      cpu.thread.join();
    } else {
      cpu.thread.detach();
    }
  }
  return all_left;
}

std::chrono::nanoseconds VcpuThreads::cpu_time(unsigned index) {
  Cpu& cpu = cpus_[index];
  timespec time;
  // A thread that has left has no clock any more; its last reading stands.
  if (cpu.clock && clock_gettime(*cpu.clock, &time) == 0) {
    cpu.last_time = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
  return cpu.last_time;
}

}  // namespace hypervet::kvm
