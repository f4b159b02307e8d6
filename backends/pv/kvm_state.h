// SPDX-License-Identifier: Apache-2.0
// All that the KVM model remembers, as one plain value: copy it to save, assign it to restore.
// Every concept of the model works on its own part; nobody else keeps state.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "backends/violations/events.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::pv {

// A kvmclock time page, per CPU (MSR_KVM_SYSTEM_TIME and _NEW are two names of one register).
struct ClockState {
  std::uint64_t msr = 0;   // as written
  std::uint64_t area = 0;  // guest-physical; meaningful if enabled
  bool enabled = false;
  bool due = false;             // update before the next entry
  bool registered_now = false;  // the due update is the first of a registration
  bool stopped_requested =
      false;  // KVM_KVMCLOCK_CTRL: report PVCLOCK_GUEST_STOPPED at the next update
  std::uint64_t next_update_ns = 0;
};

struct StealState {
  std::uint64_t msr = 0;
  std::uint64_t area = 0;
  bool enabled = false;
  bool due = false;
  bool registered_now = false;
  bool preempted = false;             // KVM_VCPU_PREEMPTED is written
  std::uint64_t waited_ns = 0;        // run delay so far: time runnable without a processor
  std::uint64_t accounted_ns = 0;     // of which the guest has been told
  std::uint64_t halted_since_ns = 0;  // 0: not halted
};

struct PvEoiState {
  std::uint64_t msr = 0;
  bool pending =
      false;  // the bit is set in guest memory and the guest has not been seen to clear it
};

// A page that a CPU waits for.
struct AbsentPage {
  std::uint64_t page = 0;  // guest-physical, 4 KiB aligned
  std::uint32_t token = 0;
  bool notified = false;  // 'not present' was injected, so 'ready' is owed
  bool wake_all = false;  // no page: the "all pages are ready" token of an enabling write
};

struct AsyncPageFaultState {
  std::uint64_t enable_msr = 0;
  std::uint64_t vector_msr = 0;
  std::uint64_t area = 0;
  std::uint32_t next_id = 0;
  bool ready_pending = false;      // an interrupt was sent and not acknowledged
  std::deque<AbsentPage> waiting;  // not back yet
  std::deque<AbsentPage> done;     // back, 'ready' not told yet
};

// A plain wait for an absent page: the host swaps it in by itself after a while.
struct SwapIn {
  std::uint64_t page = 0;
  std::uint64_t due_ns = 0;
};

struct CpuPart {
  ClockState clock;
  StealState steal;
  PvEoiState pv_eoi;
  AsyncPageFaultState apf;
  std::uint64_t poll_control = 1;
};

struct KvmState {
  std::array<CpuPart, protocol::kMaxCpus> cpu;
  // The base of all clock pages in master-clock mode: this TSC was this many ns.
  std::uint64_t master_tsc = 0, master_ns = 0;
  std::uint64_t wall_clock_msr = 0;   // of the virtual machine
  std::vector<std::uint64_t> absent;  // pages taken away, sorted
  std::vector<SwapIn> swap_ins;
  // User space.
  std::uint64_t hypercall_answer = 0;
  std::uint64_t hypercall_exits = 0;
  violations::Exit last_hypercall_exit;
  std::uint64_t migration_control = 1;
  std::uint64_t msr_exits = 0;
  violations::Exit last_msr_exit;
};

}  // namespace hypervet::pv
