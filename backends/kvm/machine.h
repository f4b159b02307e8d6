// SPDX-License-Identifier: Apache-2.0
// One virtual machine for one job: made, loaded, run once, read out, destroyed. Belongs to the
// thread that made it; its vCPU threads keep it alive should one of them never come back from the
// kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/kvm/device_thread.h"
#include "backends/kvm/dirty_log.h"
#include "backends/kvm/event_doorbells.h"
#include "backends/kvm/exit_handler.h"
#include "backends/kvm/host_actions.h"
#include "backends/kvm/memory_slot.h"
#include "backends/kvm/page_swap.h"
#include "backends/kvm/serial_line.h"
#include "backends/kvm/settings.h"
#include "backends/kvm/user_irqchip.h"
#include "backends/kvm/vm.h"
#include "backends/kvm/watchdog.h"
#include "backends/machine/elf_loader.h"
#include "backends/machine/guest_memory.h"

namespace hypervet::kvm {

// What goes into the machine; everything must outlive the call.
struct Cargo {
  const machine::Payload* payload = nullptr;
  std::span<const machine::ReservedArea> reserved;  // where the payload must not lie
  std::span<const std::byte> program;               // PVH module 0; empty: none
  std::string command_line;  // empty for the agent, whose line the settings make
  bool is_agent = false;
};

class Machine : public std::enable_shared_from_this<Machine> {
 public:
  // refusal() must have let the configuration through. Throws std::system_error when the host has
  // no memory left.
  static Result<std::shared_ptr<Machine>> create(const System& system,
                                                 const backends::Configuration& configuration);

  Result<int> load(const Cargo& cargo);
  // Runs CPU 0 in the calling thread until the machine ends or must be ended, and tells the whole
  // outcome. Once. Throws std::system_error when the host has no thread left.
  backends::Outcome run(const backends::Limits& limits, bool is_agent, Watchdogs& watchdogs);

 private:
  Machine(const backends::Configuration& configuration, Vm vm);

  Result<int> set_up(const System& system, const backends::Configuration& configuration);
  Result<int> set_up_vm();
  Result<int> add_cpu(const System& system, CpuidEntries& cpuid, unsigned index);
  backends::Outcome read_out(Ending ending, std::uint64_t ended_at, bool is_agent);

  const Settings settings_;
  const unsigned cpu_count_;
  std::uint64_t tsc_khz_ = 0;
  std::uint64_t begun_at_ = 0;  // host TSC

  // Later members refer to earlier ones. The kernel's VM goes before the memory that it maps.
  machine::GuestMemory memory_;
  Vm vm_;
  MemorySlot ram_;
  std::optional<EventDoorbells> doorbells_;
  std::unique_ptr<UserIrqchip> irqchip_;  // null where PIC and IOAPIC are the kernel's
  DirtyLog dirty_;
  std::vector<Vcpu> vcpus_;
  DeviceThread device_;
  PageSwap pages_;
  machine::GuestMailbox mailbox_;
  SerialLine serial_;
  ExitRecords records_;
  HostActions actions_;
  ExitHandler handler_;
  std::unique_ptr<VcpuThreads> threads_;
};

}  // namespace hypervet::kvm
