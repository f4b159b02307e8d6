// SPDX-License-Identifier: Apache-2.0
// All that the KVM model remembers, as one plain value: copy it to save, assign it to restore.
// Every concept of the model works on its own part; nobody else keeps state.
//
// Each MSR is kept twice: `msr` as it reads back, and beside it what it has set in motion. They
// differ only under a violation that keeps the one from following the other.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "backends/violations/events.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::pv {

// A kvmclock time page, per CPU (MSR_KVM_SYSTEM_TIME and _NEW are two names of one register).
struct ClockState {
  std::uint64_t msr = 0;
  std::uint64_t area = 0;  // guest-physical; meaningful if enabled
  bool enabled = false;
  bool registered = false;         // by the guest since the last update
  bool due = false;                // update before the next entry
  bool stopped_requested = false;  // KVM_KVMCLOCK_CTRL: report the pause at the next update
  std::uint64_t next_update_ns = 0;
};

struct StealState {
  std::uint64_t msr = 0;
  std::uint64_t area = 0;
  bool enabled = false;
  bool registered = false;
  bool due = false;
  bool preempted = false;                      // KVM_VCPU_PREEMPTED is written
  std::optional<std::uint64_t> away_since_ns;  // runnable without a processor since then
  std::uint64_t away_until_ns = 0;             // and at least until then
  std::uint64_t waited_ns = 0;                 // all time so spent
  std::uint64_t reported_ns = 0;               // of which the guest has been told
};

struct PvEoiState {
  std::uint64_t msr = 0;
  std::uint64_t area = 0;
  bool enabled = false;
  bool pending = false;                // the bit is set and the guest has not been seen to clear it
  std::optional<std::uint8_t> latest;  // vector injected last, while nothing has ended an interrupt
};

// A page that a CPU waits for.
struct AwaitedPage {
  std::uint64_t page = 0;  // guest-physical, 4 KiB aligned
  std::uint32_t token = 0;
  bool notified = false;  // 'not present' was injected, so 'ready' is owed
  bool wake_all = false;  // no page: the token that an enabling write brings
};

struct AsyncPageFaultState {
  std::uint64_t enable_msr = 0;
  std::uint64_t vector_msr = 0;
  std::uint64_t area = 0;
  bool enabled = false;    // bits 0 and 3
  bool area_good = false;  // in RAM
  bool in_kernel = false;  // bit 1: also at CPL 0
  bool check = false;      // look through `done` before the next entry
  bool survivors = false;  // switch apf-survives-disable was committed
  std::uint8_t vector = 0;
  std::uint32_t next_id = 0;
  std::deque<AwaitedPage> waiting{};  // not back yet
  std::deque<AwaitedPage> done{};     // back, 'ready' not told yet
};

// An interrupt that a violation sends once more: late enough that the one before it has been taken.
struct LateInterrupt {
  violations::Interrupt interrupt;
  violations::Source source = violations::Source::kIcr;
  std::uint64_t due_ns = 0;
};

struct CpuPart {
  ClockState clock;
  StealState steal;
  PvEoiState pv_eoi;
  AsyncPageFaultState async_pf;
  std::uint64_t poll_control = 1;  // polling on (msr.rst); INIT does not change it
};

struct KvmState {
  std::array<CpuPart, protocol::kMaxCpus> cpu;
  std::uint64_t wall_clock_msr = 0;  // of the whole virtual machine
  // The base of all time pages while there is a master clock: at this TSC (without any CPU's
  // offset) it was this late.
  std::uint64_t master_tsc = 0, master_ns = 0;
  bool old_clock_on_boot_cpu = false;  // CPU 0 wrote MSR 0x12 last: no master clock
  std::vector<std::uint64_t> absent;   // pages taken away
  std::vector<LateInterrupt> late_interrupts;
  // User space.
  std::uint64_t hypercall_answer = 0;
  std::uint64_t hypercall_exits = 0;
  violations::Exit last_hypercall_exit;
  std::uint64_t migration_control = 1;  // allowed: the guest's memory is not encrypted
  std::uint64_t msr_exits = 0;
  violations::Exit last_msr_exit;
};

}  // namespace hypervet::pv
