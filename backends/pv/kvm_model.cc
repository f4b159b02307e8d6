// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_model.h"

#include <stdexcept>

#include "backends/pv/async_page_fault.h"
#include "backends/pv/kvm_clock.h"
#include "backends/pv/kvm_host.h"
#include "backends/pv/kvm_hypercalls.h"
#include "backends/pv/kvm_msrs.h"
#include "backends/pv/pv_eoi.h"
#include "backends/pv/steal_time.h"

namespace hypervet::pv {

using violations::CodeMode;
using violations::CpuidLeaf;
using violations::Fault;
using violations::HypercallCall;
using violations::HypercallContext;
using violations::HypercallResult;
using violations::MsrRead;

namespace {

constexpr std::uint8_t kInstructionLength = 3;  // VMCALL and VMMCALL
constexpr std::array<std::uint8_t, kInstructionLength> kVmcallBytes = {0x0f, 0x01, 0xc1};
constexpr std::array<std::uint8_t, kInstructionLength> kVmmcallBytes = {0x0f, 0x01, 0xd9};
constexpr std::uint64_t kLow32 = 0xffff'ffff;

}  // namespace

struct KvmModel::Parts {
  Parts(const backends::Configuration& wanted, Services& services,
        violations::Interposer& interposer)
      : configuration(wanted),
        host{services, interposer, KvmCpuid(configuration), {}, nullptr},
        clock(host, has_setting(configuration, "host-clock", "tsc")),
        steal_time(host),
        pv_eoi(host),
        async_pf(host),
        hypercalls(host, configuration),
        msrs(host, {clock, steal_time, pv_eoi, async_pf},
             has_setting(configuration, "migration-control", "on")),
        patching(has_setting(configuration, "hypercall-patching", "on")) {
    if (services.cpus() > host.state.cpu.size())
      throw std::invalid_argument("the KVM model has room for fewer CPUs");
    host.pv_eoi = &pv_eoi;
    // The master clock begins with the machine: TSC and time are one reading.
    host.state.master_tsc = services.tsc(0) - services.tsc_offset(0);
    host.state.master_ns = services.now_ns();
  }

  const backends::Configuration configuration;
  KvmHost host;
  KvmClock clock;
  StealTime steal_time;
  PvEoi pv_eoi;
  AsyncPageFault async_pf;
  KvmHypercalls hypercalls;
  KvmMsrs msrs;
  bool patching;

  std::optional<HypercallResult> foreign_opcode(const Caller& caller, HypercallOpcode opcode,
                                                const protocol::RegisterFile& registers);
};

KvmModel::KvmModel(const backends::Configuration& configuration, Services& services,
                   violations::Interposer& interposer)
    : parts_(std::make_unique<Parts>(configuration, services, interposer)) {}
KvmModel::~KvmModel() = default;

CpuidLeaf KvmModel::cpuid(unsigned cpu, std::uint32_t leaf, std::uint32_t /*subleaf*/,
                          const CpuidLeaf& base) {
  return parts_->host.interposer.cpuid(cpu, leaf, parts_->host.cpuid.leaf(leaf, base));
}

bool KvmModel::owns_msr(std::uint32_t index) {
  return index == kvm::kMsrWallClock || index == kvm::kMsrSystemTime ||
         (index >= kvm::kMsrRangeBegin && index <= kvm::kMsrRangeEnd);
}

std::optional<std::uint64_t> KvmModel::rdmsr(unsigned cpu, std::uint32_t index) {
  const auto value = parts_->msrs.read(cpu, index);
  const MsrRead result = parts_->host.interposer.rdmsr(
      cpu, index, {.value = value.value_or(0), .fault = !value.has_value()});
  return result.fault ? std::nullopt : std::optional(result.value);
}

bool KvmModel::wrmsr(unsigned cpu, std::uint32_t index, std::uint64_t value) {
  Parts& parts = *parts_;
  const violations::MsrWrite write = parts.host.interposer.wrmsr(cpu, index, value);
  if (write.fault) return false;
  if (write.ignore) return true;
  if (write.keep) {
    parts.msrs.keep(cpu, index, write.value);
    return true;
  }
  if (parts.msrs.write(cpu, index, write.value)) {
    // What the write asks for is done before the guest goes on.
    parts.clock.before_entry(cpu);
    parts.steal_time.before_entry(cpu);
    parts.async_pf.before_entry(cpu);
    return true;
  }
  if (!write.never_fault) return false;
  parts.host.interposer.spared();
  parts.msrs.keep(cpu, index, write.value);
  return true;
}

// The other vendor's opcode raises #UD in the processor; KVM puts this vendor's in its place and
// lets it execute again (KVM_X86_QUIRK_FIX_HYPERCALL_INSN). The store is the guest's own: its page
// tables and its rights.
std::optional<HypercallResult> KvmModel::Parts::foreign_opcode(
    const Caller& caller, HypercallOpcode opcode, const protocol::RegisterFile& registers) {
  const HypercallOpcode native = host.services.native_opcode();
  if (opcode == native) return std::nullopt;
  HypercallResult result{.registers = registers, .fault = std::nullopt, .advance = 0};
  // Linux's emulator holds VMCALL for privileged before it thinks of patching; VMMCALL it does not.
  if (opcode == HypercallOpcode::kVmcall && caller.cpl != 0) {
    result.fault = violations::kGp0;
    return result;
  }
  if (host.interposer.switched("foreign-opcode-hangs")) return result;
  if (!patching && !host.interposer.switched("patches-despite-quirk-off")) {
    result.fault = violations::kUd;
    return result;
  }
  if (host.interposer.switched("foreign-opcode-unpatched")) return std::nullopt;
  const auto& bytes = native == HypercallOpcode::kVmcall ? kVmcallBytes : kVmmcallBytes;
  result.fault = host.services.write_linear(caller.cpu, caller.linear_rip, bytes);
  return result;
}

HypercallResult KvmModel::hypercall(const Caller& caller, HypercallOpcode opcode,
                                    const protocol::RegisterFile& registers) {
  Parts& parts = *parts_;
  const std::uint64_t width = caller.long_mode ? ~std::uint64_t{0} : kLow32;
  const HypercallContext context{.cpu = caller.cpu,
                                 .number = registers.rax & width,
                                 .arguments = {registers.rbx & width, registers.rcx & width,
                                               registers.rdx & width, registers.rsi & width},
                                 .known = KvmHypercalls::knows(registers.rax & width),
                                 .cpl = caller.cpl,
                                 .mode = caller.long_mode ? CodeMode::kLong : CodeMode::kCompat,
                                 .native = opcode == parts.host.services.native_opcode()};
  const HypercallCall call = parts.host.interposer.hypercall_call(
      context, {.number = registers.rax,
                .arguments = {registers.rbx, registers.rcx, registers.rdx, registers.rsi}});
  if (const auto foreign = parts.foreign_opcode(caller, opcode, registers))
    return parts.host.interposer.hypercall_result(*foreign);

  HypercallResult result{
      .registers = registers, .fault = std::nullopt, .advance = kInstructionLength};
  result.registers.rax = parts.hypercalls.perform(caller, call);
  if (!caller.long_mode) result.registers.rax &= kLow32;
  return parts.host.interposer.hypercall_result(result);
}

void KvmModel::before_entry(unsigned cpu) {
  Parts& parts = *parts_;
  parts.host.work();
  parts.clock.before_entry(cpu);
  parts.steal_time.before_entry(cpu);
  parts.async_pf.before_entry(cpu);
  parts.pv_eoi.before_entry(cpu);
}

void KvmModel::after_exit(unsigned cpu) { parts_->pv_eoi.after_exit(cpu); }

void KvmModel::descheduled(unsigned cpu, OffCpu why) {
  if (why == OffCpu::kHalted)
    parts_->steal_time.halted(cpu);
  else
    parts_->steal_time.preempted(cpu);
}

void KvmModel::at_injection(unsigned cpu, std::uint8_t vector) {
  parts_->pv_eoi.at_injection(cpu, vector);
}

// Linux's kvm_vcpu_reset and kvm_lapic_reset. The wall clock is the machine's, polling survives.
void KvmModel::init_cpu(unsigned cpu) {
  Parts& parts = *parts_;
  if (parts.host.interposer.switched("init-keeps-msrs")) return;
  parts.clock.init_cpu(cpu);
  parts.steal_time.init_cpu(cpu);
  parts.pv_eoi.init_cpu(cpu);
  parts.async_pf.init_cpu(cpu);
}

void KvmModel::host_work() { parts_->host.work(); }
std::optional<std::uint64_t> KvmModel::next_event_ns() const {
  return parts_->host.next_event_ns();
}

AbsentAnswer KvmModel::touched_absent(unsigned cpu, std::uint64_t gpa, bool /*write*/) {
  return parts_->async_pf.touched(cpu, gpa);
}

const KvmState& KvmModel::state() const { return parts_->host.state; }
void KvmModel::restore(const KvmState& state) {
  parts_->host.state = state;
  // A page that is marked but not in the list is unmarked when it is touched.
  for (const std::uint64_t page : state.absent) parts_->host.services.set_absent(page, true);
}

// --- Host verbs
// -----------------------------------------------------------------------------------------------------

bool KvmModel::has(protocol::HostVerb verb) {
  using enum protocol::HostVerb;
  switch (verb) {
    case kPauseClock:
    case kPageOut:
    case kPageIn:
    case kReadClock:
    case kAnswerHypercall:
    case kHypercallExit:
    case kCompete:
    case kMsrExit:
      return true;
    default:
      return false;
  }
}

namespace {

// The guest chooses the duration: a test needs milliseconds.
constexpr std::uint64_t kLongestCompetition = 10'000'000'000;

HostAnswer field_of(std::uint64_t field, std::uint64_t exits,
                    std::initializer_list<std::uint64_t> fields) {
  if (field == 0) return {protocol::HostStatus::kDone, exits};
  if (field > fields.size()) return {protocol::HostStatus::kBadArgument, 0};
  if (exits == 0) return {protocol::HostStatus::kFailed, 0};
  return {protocol::HostStatus::kDone, fields.begin()[field - 1]};
}

}  // namespace

HostAnswer KvmModel::host_verb(unsigned cpu, protocol::HostVerb verb,
                               const std::array<std::uint64_t, 4>& arguments) {
  using enum protocol::HostVerb;
  using enum protocol::HostStatus;
  Parts& parts = *parts_;
  KvmState& state = parts.host.state;
  const std::uint64_t argument = arguments[0];
  // The verb is an exit to user space and an entry from there.
  parts.steal_time.reentered(cpu);
  switch (verb) {
    case kPauseClock: {
      const unsigned told = parts.clock.report_pause();
      return {told != 0 ? kDone : kFailed, told};
    }
    case kPageOut:
      return {parts.async_pf.page_out(argument) ? kDone : kBadArgument, 0};
    case kPageIn:
      return {parts.async_pf.page_in(argument) ? kDone : kBadArgument, 0};
    case kReadClock:
      return {kDone, parts.host.services.wall_clock_ns()};
    case kAnswerHypercall:
      state.hypercall_answer = argument;
      return {};
    case kHypercallExit: {
      const violations::Exit& exit = state.last_hypercall_exit;
      return field_of(
          argument, state.hypercall_exits,
          {exit.number, exit.arguments[0], exit.arguments[1], exit.arguments[2], exit.flags});
    }
    case kCompete:
      if (argument > kLongestCompetition) return {kBadArgument, 0};
      parts.steal_time.preempted(cpu, argument);
      parts.host.services.stall(cpu, argument);
      return {};
    case kMsrExit: {
      const violations::Exit& exit = state.last_msr_exit;
      return field_of(argument, state.msr_exits,
                      {exit.number, exit.value, exit.write ? std::uint64_t{1} : 0});
    }
    default:
      return {kUnknownVerb, 0};
  }
}

}  // namespace hypervet::pv
