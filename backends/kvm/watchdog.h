// SPDX-License-Identifier: Apache-2.0
// Threads that look after running machines every now and then. The thread that calls run() is
// itself the one that runs the guest, so that a short program never waits for another thread to be
// scheduled; a watchdog wakes only when a program lasts, or hangs.
//
// Watchdogs is thread-safe. It keeps one thread for each machine that runs at the same time and
// reuses it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/kvm/supervisor.h"

namespace hypervet::kvm {

// One thread, looking after at most one machine at a time.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // From now until release() the supervisor belongs to the watchdog's thread.
  void watch(Supervisor& supervisor);
  void release();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  Supervisor* supervisor_ = nullptr;
  bool asleep_ = false;  // waits without a time limit, so that watch() must wake it
  bool quit_ = false;
  std::thread thread_;
};

class Watchdogs {
 public:
  // Watches for as long as it lives; destroy it before the supervisor.
  class Lease {
   public:
    Lease(Watchdogs& owner, std::unique_ptr<Watchdog> watchdog)
        : owner_(owner), watchdog_(std::move(watchdog)) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    Watchdogs& owner_;
    std::unique_ptr<Watchdog> watchdog_;
  };

  // Throws std::system_error when the system has no thread left.
  Lease watch(Supervisor& supervisor);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Watchdog>> idle_;
};

}  // namespace hypervet::kvm
