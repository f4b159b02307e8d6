// SPDX-License-Identifier: Apache-2.0
// The one interface between the harness and whatever runs a payload. A backend says what it is,
// whether it can run here and why not, which configurations and host verbs it has, and runs one
// program on one fresh machine.
//
// A Backend is created once per run and shared: every const member function may be called from
// several threads at once. A backend knows guest-payloads/protocol and backends/machine, never the
// harness.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/violations/rule.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/observation.h"

namespace hypervet::backends {

// A bit of a CPUID leaf; reg is 0 EAX, 1 EBX, 2 ECX, 3 EDX.
struct CpuidBit {
  std::uint32_t leaf = 0;
  unsigned reg = 0;
  unsigned bit = 0;
  auto operator<=>(const CpuidBit&) const = default;
};

// What a case wants its machine to be. Two equal configurations may share a snapshot.
struct Configuration {
  unsigned cpus = 1;
  std::uint64_t memory = protocol::kDefaultMemory;
  std::vector<CpuidBit> without;  // CPUID bits not offered to the guest, sorted
  // Settings beyond the default machine, from the closed set kSettings.
  std::map<std::string, std::string, std::less<>> settings;
  auto operator<=>(const Configuration&) const = default;
};

// Every setting that a case may ask for, and the values it may take; the first is the default.
struct Setting {
  std::string_view name;
  std::vector<std::string_view> values;
  std::string_view what;
};
inline const std::vector<Setting>& known_settings() {
  static const std::vector<Setting> settings = {
      {"enforce-features",
       {"off", "on"},
       "KVM_CAP_ENFORCE_PV_FEATURE_CPUID: what CPUID does not offer does not work"},
      {"hypercall-patching",
       {"on", "off"},
       "KVM_X86_QUIRK_FIX_HYPERCALL_INSN: the other vendor's opcode is rewritten"},
      {"hypercall-exits",
       {"off", "on"},
       "KVM_CAP_EXIT_HYPERCALL for KVM_HC_MAP_GPA_RANGE, and its feature bit"},
      {"migration-control",
       {"off", "on"},
       "the VMM handles MSR_KVM_MIGRATION_CONTROL, and its feature bit"},
      {"host-clock", {"tsc", "other"}, "what the host keeps time with"},
      {"hyperv-leaves",
       {"off", "on"},
       "Hyper-V's CPUID leaves at 0x40000000, KVM's moved up by 0x100"},
      {"realtime-hint", {"off", "on"}, "KVM_HINTS_REALTIME in EDX of the feature leaf"},
      {"apic", {"xapic", "x2apic"}, "the mode that the agent starts the local APICs in"},
      {"irqchip",
       {"kernel", "split"},
       "who has the PIC and the IOAPIC: the kernel, or user space (KVM_CAP_SPLIT_IRQCHIP)"},
      {"doorbell", {"off", "on"}, "a port and an address whose writes only count, as an ioeventfd"},
      {"platform-timers",
       {"off", "on"},
       "the clocks of a PC that guests read without paravirtualisation: PIT, ACPI PM timer, HPET"},
      {"channel", {"memory", "serial"}, "how observations leave the guest"},
      {"device",
       {"none", "entropy", "blk", "net", "console", "balloon", "vsock", "scsi", "9p", "gpu",
        "input", "crypto", "iommu", "mem", "pmem"},
       "the machine's one virtio device"},
      {"transport", {"mmio", "pci"}, "what the virtio device is reached by"},
      {"variant",
       {"plain", "read-only", "multiqueue", "zoned", "small-queue", "no-msix"},
       "what is special of the virtio device; zoned: a host-managed disk; small-queue: no queue "
       "larger than 2"},
  };
  return settings;
}

// Why a machine stopped. The order is of no meaning.
enum class Stop {
  kFinished,       // the agent said so
  kRefused,        // the agent refused the program
  kPanic,          // the agent itself faulted
  kDeadlock,       // every CPU is halted and nothing can wake one
  kStuck,          // a CPU makes no progress inside one instruction or exit
  kDeadline,       // CPUs execute, but the program does not end
  kShutdown,       // triple fault
  kInternalError,  // the hypervisor gave up on the guest (KVM_EXIT_INTERNAL_ERROR,
                   // KVM_EXIT_FAIL_ENTRY)
  kDied,           // the VMM died
  kUnimplemented,  // the simulator met an instruction that it does not have
  kBackendError,   // hypervet's own side failed; nothing is said about the target
};
std::string_view to_string(Stop stop);

// One CPU where it stopped.
struct CpuState {
  protocol::RegisterFile registers{};
  std::uint64_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, efer = 0;
  std::uint16_t cs = 0;
  bool halted = false;
  bool seen = true;                 // false: nobody could read its registers; all but op is empty
  std::vector<std::uint8_t> code;   // bytes at RIP, at most 15; empty if they cannot be read
  std::optional<std::uint32_t> op;  // op of the program that it was in (guest-controlled)
};

struct Outcome {
  Stop stop = Stop::kBackendError;
  std::string detail;                   // one line: what the backend saw
  std::vector<std::byte> observations;  // frames as the channel carried them, guest-controlled
  bool overflowed = false;              // the guest's channel was full and frames are missing
  std::vector<CpuState> cpus;           // where each CPU stopped; empty if it cannot be known
  std::string log;                      // what the VMM or kernel printed, if anything
  std::uint64_t ticks = 0;              // guest TSC ticks from the program's start to the stop
  std::uint64_t tsc_khz = 0;            // frequency of the guest's TSC
  unsigned committed = 0;               // times that a violation was committed
};

struct Limits {
  // For the whole program: wall time; on the simulator, which is all computation, CPU time.
  std::chrono::nanoseconds deadline = std::chrono::seconds(10);
  std::chrono::nanoseconds no_progress = std::chrono::milliseconds(400);  // CPU time standing still
};

struct Job {
  const Configuration* configuration = nullptr;
  std::span<const std::byte> program;            // as program.h has it; must outlive the call
  std::span<const violations::Rule> violations;  // to be committed; only the simulator can
  std::uint64_t seed = 1;                        // vCPU schedule; only the simulator has a choice
  Limits limits;
};

struct Availability {
  bool available = false;
  std::string reason;  // why not
  std::string mend;    // what to do about it
};

// Who is judged. `provider` is whose behaviour the interface's is: host kernel, QEMU, or hypervet's
// reference model.
struct Target {
  std::string name;       // "Linux 6.1.0-31 kvm_amd"
  std::string provider;   // "host kernel"
  bool is_model = false;  // hypervet's own reference model: no hypervisor is judged
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  virtual Availability availability() const = 0;
  virtual Target target() const = 0;
  // Who provides the virtio device of a machine, where that is not the target's provider; else "".
  virtual std::string_view device_provider() const { return {}; }
  virtual unsigned max_cpus() const = 0;
  // How many machines keep one processor of the host busy: more than one where they sleep for much
  // of their time.
  virtual unsigned machines_per_processor() const { return 1; }
  // Can it commit violations (is it the simulator)?
  virtual bool commits_violations() const { return false; }
  // Empty, or why a machine of this configuration cannot be had.
  virtual std::optional<std::string> refuses(const Configuration& configuration) const = 0;
  virtual bool has(protocol::HostVerb verb) const = 0;
  // Runs the program on a fresh machine of its own. Never throws for what a guest or a target does.
  virtual Outcome run(const Job& job) const = 0;
};

}  // namespace hypervet::backends
