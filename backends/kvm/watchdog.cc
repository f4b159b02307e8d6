// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/watchdog.h"

#include <signal.h>

namespace hypervet::kvm {
namespace {

// Idle ticks before the thread goes to sleep: between two short programs nobody has to wake it.
constexpr int kIdleTicks = 20;

// The process's signals belong to its other threads.
std::thread start_deaf(auto&& function) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::forward<decltype(function)>(function));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace

Watchdog::Watchdog() {
  thread_ = start_deaf([this] { loop(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::watch(Supervisor& supervisor) {
  const std::lock_guard lock(mutex_);
  supervisor_ = &supervisor;
  if (asleep_) wake_.notify_one();
}

void Watchdog::release() {
  const std::lock_guard lock(mutex_);
  supervisor_ = nullptr;
}

void Watchdog::loop() {
  std::unique_lock lock(mutex_);
  for (int idle = 0; !quit_;) {
    if (supervisor_ == nullptr && idle >= kIdleTicks) {
      asleep_ = true;
      wake_.wait(lock, [&] { return quit_ || supervisor_ != nullptr; });
      asleep_ = false;
    }
    idle = supervisor_ == nullptr ? idle + 1 : 0;
    const auto until = supervisor_ != nullptr ? supervisor_->next_look()
                                              : VcpuThreads::Clock::now() + Supervisor::kTick;
    wake_.wait_until(lock, until, [&] { return quit_; });
    // A machine that came meanwhile has its first look due later.
    if (supervisor_ != nullptr && VcpuThreads::Clock::now() >= supervisor_->next_look()) {
      supervisor_->look();
    }
  }
}

Watchdogs::Lease::~Lease() {
  watchdog_->release();
  const std::lock_guard lock(owner_.mutex_);
  owner_.idle_.push_back(std::move(watchdog_));
}

Watchdogs::Lease Watchdogs::watch(Supervisor& supervisor) {
  std::unique_ptr<Watchdog> watchdog;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      watchdog = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (watchdog == nullptr) watchdog = std::make_unique<Watchdog>();
  watchdog->watch(supervisor);
  return Lease(*this, std::move(watchdog));
}

}  // namespace hypervet::kvm
