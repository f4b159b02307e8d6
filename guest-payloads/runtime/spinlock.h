// SPDX-License-Identifier: Apache-2.0
// A lock between CPUs, and a scope that holds it. Take it with interrupts off only: a handler that
// wants the same lock on the same CPU would wait for ever.
#pragma once

#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

class Spinlock {
 public:
  bool try_lock() { return __atomic_exchange_n(&taken_, 1, __ATOMIC_ACQUIRE) == 0; }
  void lock() {
    while (!try_lock()) pause();
  }
  void unlock() { __atomic_store_n(&taken_, 0, __ATOMIC_RELEASE); }

 private:
  std::uint32_t taken_ = 0;
};

class Locked {
 public:
  explicit Locked(Spinlock& lock) : lock_(lock) { lock_.lock(); }
  ~Locked() { lock_.unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Spinlock& lock_;
};

}  // namespace hypervet::guest
