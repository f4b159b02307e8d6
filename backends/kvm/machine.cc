// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/machine.h"

#include <x86intrin.h>

#include "backends/kvm/cpu_states.h"
#include "backends/kvm/cpuid.h"
#include "backends/kvm/entry_state.h"
#include "backends/kvm/supervisor.h"
#include "backends/machine/pvh_boot.h"

namespace hypervet::kvm {
namespace {

constexpr std::uint64_t kMapGpaRangeExits = 1u << 12;  // KVM_HC_MAP_GPA_RANGE
// How long KVM_RUN may ignore a signal before its thread is given up.
constexpr std::chrono::seconds kStopPatience{3};

Result<int> bad_cargo(std::string why) { return std::unexpected(Error{std::move(why), 0}); }

}  // namespace

Machine::Machine(const backends::Configuration& configuration, Vm vm)
    : settings_(read_settings(configuration)),
      cpu_count_(configuration.cpus),
      memory_(configuration.memory),
      vm_(std::move(vm)),
      irqchip_(settings_.split_irqchip ? std::make_unique<UserIrqchip>(vm_) : nullptr),
      dirty_(ram_),
      device_(configuration.settings, vm_, irqchip_.get(), memory_),
      pages_(memory_),
      mailbox_(memory_.raw()),
      serial_(settings_.serial_channel),
      actions_(vm_, pages_, records_, dirty_, irqchip_.get(), doorbells_, device_),
      handler_(mailbox_, serial_, actions_, records_, irqchip_.get(), device_,
               settings_.platform_timers) {}

Result<std::shared_ptr<Machine>> Machine::create(const System& system,
                                                 const backends::Configuration& configuration) {
  auto vm = Vm::create(system);
  if (!vm) return std::unexpected(vm.error());
  std::shared_ptr<Machine> made(new Machine(configuration, std::move(*vm)));
  if (auto done = made->set_up(system, configuration); !done) return std::unexpected(done.error());
  return made;
}

Result<int> Machine::set_up(const System& system, const backends::Configuration& configuration) {
  if (auto done = set_up_vm(); !done) return done;
  auto cpuid = compose_cpuid(system.supported_cpuid(), system.hyperv_cpuid(), configuration,
                             settings_, system.has(KVM_CAP_TSC_DEADLINE_TIMER));
  vcpus_.reserve(cpu_count_);
  for (unsigned i = 0; i < cpu_count_; ++i) {
    if (auto done = add_cpu(system, cpuid, i); !done) return done;
  }
  const auto khz = call(vcpus_.front().fd(), HV_REQUEST(KVM_GET_TSC_KHZ));
  if (khz) tsc_khz_ = static_cast<std::uint64_t>(*khz);
  threads_ = std::make_unique<VcpuThreads>(vcpus_, handler_, [this] { pages_.restore_all(); });
  return 0;
}

// GSI 0 to 15 reach the PIC as well, and through it an unmasked LVT0, which stays as KVM resets it:
// whoever has such a line driven programs the PIC first.
Result<int> Machine::set_up_vm() {
  if (!settings_.hypercall_patching) {
    auto done = vm_.enable(KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
    if (!done) return done;
  }
  if (settings_.hypercall_exits) {
    if (auto done = vm_.enable(KVM_CAP_EXIT_HYPERCALL, kMapGpaRangeExits); !done) return done;
  }
  if (settings_.migration_control) {
    const MsrRange range[] = {{.first = kMigrationControlMsr}};
    if (auto done = vm_.exit_on_msrs(range); !done) return done;
  }
  auto chips = irqchip_ ? vm_.create_split_irqchip(UserIrqchip::kPins) : vm_.create_irqchip();
  if (!chips) return chips;
  if (settings_.platform_timers) {
    if (auto pit = vm_.create_pit(); !pit) return pit;
  }
  if (settings_.doorbell) {
    auto bells = EventDoorbells::create(vm_);
    if (!bells) return std::unexpected(bells.error());
    doorbells_.emplace(std::move(*bells));
  }
  auto ram = MemorySlot::create(vm_, 0, {.size = memory_.size(), .host = memory_.raw()});
  if (!ram) return std::unexpected(ram.error());
  ram_ = std::move(*ram);
  ram_.leave_to_vm();
  return 0;
}

Result<int> Machine::add_cpu(const System& system, CpuidEntries& cpuid, unsigned index) {
  auto vcpu = vm_.create_vcpu(system, index);
  if (!vcpu) return std::unexpected(vcpu.error());
  set_apic_id(cpuid, index, cpu_count_);
  if (auto done = set_cpuid(vcpu->fd(), cpuid); !done) return done;
  if (settings_.enforce_features) {
    auto done = vcpu->enable(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1);
    if (!done) return done;
  }
  vcpus_.push_back(std::move(*vcpu));
  return 0;
}

Result<int> Machine::load(const Cargo& cargo) {
  if (auto done = machine::load_payload(*cargo.payload, memory_, cargo.reserved); !done) {
    return bad_cargo(std::move(done.error()));
  }
  std::optional<machine::BootModule> module;
  if (!cargo.program.empty()) {
    if (cargo.program.size() > protocol::kProgramMaxSize) {
      return bad_cargo("the program is larger than its place in guest memory");
    }
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(cargo.program.data()),
                          cargo.program.size());
    memory_.write(protocol::kProgramAddress, bytes);
    module = {.address = protocol::kProgramAddress, .size = bytes.size()};
  }
  const auto start_info = machine::write_boot_info(
      memory_,
      cargo.is_agent ? agent_command_line(settings_, cpu_count_, tsc_khz_) : cargo.command_line,
      module);
  if (!start_info) return bad_cargo(start_info.error());
  return enter_pvh(vcpus_.front(), cargo.payload->pvh_entry, *start_info);
}

backends::Outcome Machine::run(const backends::Limits& limits, bool is_agent,
                               Watchdogs& watchdogs) {
  begun_at_ = __rdtsc();
  device_.start();
  threads_->start(shared_from_this());
  std::optional<Ending> ending;
  {
    Supervisor supervisor(*threads_, mailbox_, pages_, limits);
    const auto lease = watchdogs.watch(supervisor);
    ending = threads_->run(kStopPatience);
  }
  const std::uint64_t ended_at = __rdtsc();
  device_.stop();
  if (!ending) {
    backends::Outcome outcome;
    outcome.stop = backends::Stop::kStuck;
    outcome.detail = "KVM_RUN of an application processor does not return, not even for a signal";
    return outcome;
  }
  actions_.stop();
  pages_.restore_all();  // a verb may have been under way while the machine ended
  return read_out(std::move(*ending), ended_at, is_agent);
}

backends::Outcome Machine::read_out(Ending ending, std::uint64_t ended_at, bool is_agent) {
  backends::Outcome outcome;
  outcome.stop = ending.stop;
  outcome.detail = std::move(ending.detail);
  const bool on_line = is_agent && settings_.serial_channel;
  const auto sent = serial_.sent();
  const auto frames = on_line ? sent : mailbox_.observations();
  outcome.observations.assign(frames.begin(), frames.end());
  outcome.overflowed = on_line ? serial_.overflowed() : mailbox_.overflowed();
  if (!on_line) outcome.log.assign(reinterpret_cast<const char*>(sent.data()), sent.size());
  for (unsigned i = 0; i < cpu_count_; ++i) {
    auto state = state_of(vcpus_[i], pages_);
    if (!state) {
      outcome.cpus.clear();
      break;
    }
    state->op = mailbox_.current_op(i);
    outcome.cpus.push_back(std::move(*state));
  }
  // Guest and host TSC tick alike: no scaling is asked for. Who never rings kReady is measured with
  // its boot.
  const std::uint64_t start = handler_.ready_at() != 0 ? handler_.ready_at() : begun_at_;
  outcome.ticks = ended_at - start;
  outcome.tsc_khz = tsc_khz_;
  return outcome;
}

}  // namespace hypervet::kvm
