// SPDX-License-Identifier: Apache-2.0
// The host verbs (guest-payloads/protocol/host_verbs.h) on this engine. perform() is called by vCPU
// threads, several at once; the arguments are guest-controlled.
#pragma once

#include <sched.h>

#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "backends/kvm/device_thread.h"
#include "backends/kvm/dirty_log.h"
#include "backends/kvm/event_doorbells.h"
#include "backends/kvm/exit_records.h"
#include "backends/kvm/page_swap.h"
#include "backends/kvm/system.h"
#include "backends/kvm/user_irqchip.h"
#include "backends/kvm/vcpu_threads.h"
#include "backends/kvm/vm.h"
#include "backends/machine/guest_mailbox.h"

namespace hypervet::kvm {

// Whether this kernel, and this process's rights, allow the verb.
bool can_perform(protocol::HostVerb verb, const System& system, bool can_swap_pages);

class HostActions {
 public:
  // All of it must outlive this object.
  // irqchip: null where PIC and IOAPIC are the kernel's. doorbells: may be made later.
  HostActions(Vm& vm, PageSwap& pages, ExitRecords& records, DirtyLog& dirty, UserIrqchip* irqchip,
              std::optional<EventDoorbells>& doorbells, DeviceThread& device);
  ~HostActions() { stop(); }

  // On behalf of the vCPU, from its own thread.
  machine::HostAnswer perform(const machine::HostCall& call, unsigned cpu, VcpuThreads& threads);
  // Ends the work that competes with vCPUs and lets their threads run where they might before. Once
  // no vCPU runs any more.
  void stop();

 private:
  bool pin_self(int processor);
  machine::HostAnswer compete(std::uint64_t nanoseconds, VcpuThreads& threads);
  machine::HostAnswer set_line(std::uint64_t gsi, std::uint64_t level, VcpuThreads& threads);
  machine::HostAnswer raise_msi(std::uint64_t vector, std::uint64_t apic_id);

  Vm& vm_;
  PageSwap& pages_;
  ExitRecords& records_;
  DirtyLog& dirty_;
  UserIrqchip* irqchip_;
  std::optional<EventDoorbells>& doorbells_;
  DeviceThread& device_;
  std::mutex mutex_;
  std::vector<std::jthread> competitors_;
  std::map<pid_t, cpu_set_t>
      pinned_;  // threads that compete() pinned, and where they might run before
};

}  // namespace hypervet::kvm
