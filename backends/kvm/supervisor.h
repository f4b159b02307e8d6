// SPDX-License-Identifier: Apache-2.0
// Watches the vCPUs of one machine, and ends it with the reason when it does not end by itself. It
// measures progress: a CPU is stuck when its counters and its registers stand still while it uses
// up processor time, however slow the wall clock makes a loaded host look.
//
// It looks every kTick, and interrupts the guest only if something looks wrong: then all vCPUs are
// held still for some microseconds and read. Made by the thread that runs the machine, then used by
// a watchdog alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/kvm/ending.h"
#include "backends/kvm/idle.h"
#include "backends/kvm/page_swap.h"
#include "backends/kvm/vcpu_threads.h"
#include "backends/machine/guest_mailbox.h"

namespace hypervet::kvm {

class Supervisor {
 public:
  static constexpr std::chrono::milliseconds kTick{50};

  // All three must outlive this object.
  Supervisor(VcpuThreads& threads, const machine::GuestMailbox& mailbox, PageSwap& pages,
             const backends::Limits& limits);

  VcpuThreads::Clock::time_point next_look() const { return next_look_; }
  // Ends the machine if it has to be. Takes some 100 ms at most, and hardly any time once the
  // machine has ended.
  void look();

 private:
  using Duration = std::chrono::nanoseconds;

  struct Watched {
    std::uint64_t exits = 0;
    std::uint64_t progress = 0;
    Duration used{0};              // processor time at the last look
    Duration spent{0};             // between the last two looks
    Duration since{0};             // processor time when something last moved
    std::optional<kvm_regs> regs;  // while nothing moved
    std::optional<Activity> activity;
    Duration standing() const { return used - since; }
  };

  void read_counters();
  bool all_idle() const;
  bool any_suspect() const;
  std::optional<Ending> examine();
  void read_all();
  std::optional<Ending> deadlock();
  std::optional<unsigned> standing_longest(Duration at_least) const;
  // Tries to have a CPU that looks still carry out one instruction; a loop of a few may have looked
  // so.
  std::optional<Ending> probe(unsigned cpu);
  Ending stuck(unsigned cpu, const std::vector<std::uint8_t>& code);
  std::optional<std::vector<std::uint8_t>> code_of(unsigned cpu);
  Ending last_look();
  Ending out_of_time();
  std::string describe(unsigned cpu);

  VcpuThreads& threads_;
  const machine::GuestMailbox& mailbox_;
  PageSwap& pages_;
  const backends::Limits limits_;
  const VcpuThreads::Clock::time_point deadline_;
  VcpuThreads::Clock::time_point next_look_;
  std::vector<Watched> cpus_;
  unsigned blocked_looks_ = 0;  // examinations in a row that found all CPUs blocked
};

}  // namespace hypervet::kvm
