// SPDX-License-Identifier: Apache-2.0
// The other CPUs while CPU 0 times something that they take part in. Owned by CPU 0.
#pragma once

#include <cstdint>

#include "guest-payloads/agent/jobs.h"
#include "guest-payloads/paths/path.h"
#include "guest-payloads/runtime/cpu.h"

namespace hypervet::guest {

inline constexpr std::uint64_t kTeamPatience = 2'000'000'000;  // ns, for a CPU to begin or end

// Gives `job` to CPUs [1, count) and waits until all have begun; the job calls arrived() and ends
// once stopping() holds. Statics hold what they share: a CPU that never comes back may still look.
class Team {
 public:
  // False: one of them was not there in time.
  static bool start(std::uint32_t count, void (*job)(void*, std::uint32_t), void* argument) {
    __atomic_store_n(&stop_, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&arrived_, 0, __ATOMIC_RELEASE);
    for (std::uint32_t i = 1; i < count; ++i) {
      if (!wait_until_idle(*cpus[i], kTeamPatience)) return false;
      hand_over_function(*cpus[i], job, argument);
    }
    return soon([count] { return __atomic_load_n(&arrived_, __ATOMIC_ACQUIRE) == count - 1; });
  }
  static void arrived() { __atomic_fetch_add(&arrived_, 1, __ATOMIC_RELEASE); }
  static bool stopping() { return __atomic_load_n(&stop_, __ATOMIC_ACQUIRE) != 0; }
  // Whoever sleeps is woken by the caller.
  static void stop() { __atomic_store_n(&stop_, 1, __ATOMIC_RELEASE); }
  static bool gone(std::uint32_t count) {
    for (std::uint32_t i = 1; i < count; ++i) {
      if (!wait_until_idle(*cpus[i], kTeamPatience)) return false;
    }
    return true;
  }

 private:
  static inline std::uint32_t stop_;
  static inline std::uint32_t arrived_;
};

// KVM's registers: RAX number, RBX, RCX, RDX, RSI arguments (Linux,
// Documentation/virt/kvm/x86/hypercalls.rst).
struct Hypercall {
  std::uint64_t number, a0, a1, a2, a3;
};
inline std::uint64_t hypercall(const Hypercall& call, bool vmmcall) {
  std::uint64_t rax = call.number;
  if (vmmcall) {
    asm volatile(".byte 0x0f, 0x01, 0xd9"
                 : "+a"(rax)
                 : "b"(call.a0), "c"(call.a1), "d"(call.a2), "S"(call.a3)
                 : "memory");
  } else {
    asm volatile(".byte 0x0f, 0x01, 0xc1"
                 : "+a"(rax)
                 : "b"(call.a0), "c"(call.a1), "d"(call.a2), "S"(call.a3)
                 : "memory");
  }
  return rax;
}

// Does the instruction work at all? One of no effect under the guard; false: it faulted.
inline bool hypercalls_work(Guard& guard) {
  protocol::RegisterFile& r = guard.prepare();
  r.rax = 1;  // KVM_HC_VAPIC_POLL_IRQ
  r.rbx = r.rcx = r.rdx = r.rsi = 0;
  guard.run(native_is_vmmcall() ? Instruction::kVmmcall : Instruction::kVmcall, {});
  return !guard.faulted();
}

}  // namespace hypervet::guest
