// SPDX-License-Identifier: Apache-2.0
// What an executing CPU asks of its machine. Each question is an exit: the model looks at the CPU
// before and after.
#include <fmt/format.h>

#include "backends/sim/machine.h"
#include "backends/sim/vcpu.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {
namespace {

constexpr std::uint32_t kTscMsr = 0x10;
constexpr std::uint32_t kTscAdjustMsr = 0x3b;
constexpr std::uint32_t kMicrocodeMsr = 0x8b;

bool in_apic_page(std::uint64_t gpa) {
  return (gpa & ~(machine::kPageSize - 1)) == machine::kApicBase;
}

bool is_serial(std::uint16_t port) {
  return port >= protocol::kSerialPort && port < protocol::kSerialPort + 8;
}

protocol::RegisterFile registers_of(const CpuState& state) {
  const auto& g = state.gpr;
  return {g[kRax], g[kRcx], g[kRdx], g[kRbx], g[kRsp], g[kRbp], g[kRsi], g[kRdi],   state.gpr[kR8],
          g[kR9],  g[kR10], g[kR11], g[kR12], g[kR13], g[kR14], g[kR15], state.rip, state.rflags};
}

}  // namespace

std::uint64_t Machine::mmio_read(Cpu& cpu, std::uint64_t gpa, unsigned size) {
  Trap trap(*this, cpu);
  if (!in_apic_page(gpa)) return bus_.mmio_read(gpa, size);
  const auto offset = static_cast<std::uint32_t>(gpa & (machine::kPageSize - 1));
  // Only aligned 32-bit accesses are defined; narrower ones see their bytes (SDM vol. 3, 11.4.1).
  return trap.vcpu().apic.mmio_read(offset & ~3u) >> ((offset & 3) * 8);
}

void Machine::mmio_write(Cpu& cpu, std::uint64_t gpa, unsigned size, std::uint64_t value) {
  Trap trap(*this, cpu);
  if (!in_apic_page(gpa)) return bus_.mmio_write(gpa, size, value);
  const auto offset = static_cast<std::uint32_t>(gpa & (machine::kPageSize - 1));
  if (size == 4 && (offset & 3) == 0) {
    trap.vcpu().apic.mmio_write(offset, static_cast<std::uint32_t>(value));
  }
}

std::uint32_t Machine::port_in(Cpu& cpu, std::uint16_t port, unsigned size) {
  Trap trap(*this, cpu);
  const std::uint32_t value = bus_.port_in(port, size);
  if (is_serial(port)) serial_written(trap.index());
  return value;
}

void Machine::port_out(Cpu& cpu, std::uint16_t port, unsigned size, std::uint32_t value) {
  Trap trap(*this, cpu);
  if (agent_ && port == protocol::kDoorbellPort && size == 4) return ring(trap.index(), value);
  if (port == protocol::kDebugExitPort) {
    if (!stop_) {
      stop_ = MachineStop{.why = MachineStop::Why::exit_port,
                          .stop = backends::Stop::kFinished,
                          .detail = fmt::format("the guest ended with {:#x}", value),
                          .exit_value = value};
    }
    return end_slice();
  }
  bus_.port_out(port, size, value);
  if (is_serial(port)) serial_written(trap.index());
}

// --- MSRs and CPUID
// -------------------------------------------------------------------------------

std::optional<std::uint64_t> Machine::machine_rdmsr(unsigned cpu, std::uint32_t msr) {
  switch (msr) {
    case kTscMsr:
      return tsc(cpu);
    case kTscAdjustMsr:
      return vcpus_[cpu]->tsc_offset;
    case kMicrocodeMsr:
      return 0;
    default:
      return vcpus_[cpu]->apic.rdmsr(msr);
  }
}

bool Machine::machine_wrmsr(unsigned cpu, std::uint32_t msr, std::uint64_t value) {
  Vcpu& vcpu = *vcpus_[cpu];
  switch (msr) {
    case kMicrocodeMsr:
      return true;
    // Setting the one moves the other by as much (SDM vol. 3, 18.17.3).
    case kTscMsr:
      vcpu.tsc_offset = value - now();
      vcpu.apic.tsc_changed();
      return true;
    case kTscAdjustMsr:
      vcpu.tsc_offset = value;
      vcpu.apic.tsc_changed();
      return true;
    default:
      return vcpu.apic.wrmsr(msr, value);
  }
}

std::optional<std::uint64_t> Machine::rdmsr(Cpu& cpu, std::uint32_t msr) {
  Trap trap(*this, cpu);
  if (pv::KvmModel::owns_msr(msr)) return model_.rdmsr(trap.index(), msr);
  const auto value = machine_rdmsr(trap.index(), msr);
  const violations::MsrRead seen =
      interposer_.rdmsr(trap.index(), msr, {.value = value.value_or(0), .fault = !value});
  if (seen.fault) return std::nullopt;
  return seen.value;
}

bool Machine::wrmsr(Cpu& cpu, std::uint32_t msr, std::uint64_t value) {
  Trap trap(*this, cpu);
  if (pv::KvmModel::owns_msr(msr)) return model_.wrmsr(trap.index(), msr, value);
  const violations::MsrWrite write = interposer_.wrmsr(trap.index(), msr, value);
  if (write.fault) return false;
  if (write.ignore || write.keep) return true;
  if (machine_wrmsr(trap.index(), msr, write.value)) return true;
  if (write.never_fault) interposer_.spared();
  return write.never_fault;
}

CpuidResult Machine::cpuid(Cpu& cpu, std::uint32_t leaf, std::uint32_t subleaf) {
  Trap trap(*this, cpu);
  CpuidResult base = base_cpuid(
      vendor_, {.leaf = leaf, .subleaf = subleaf, .apic_id = trap.index(), .cpus = cpus()});
  withhold(base, leaf, configuration_.without);
  const violations::CpuidLeaf seen =
      model_.cpuid(trap.index(), leaf, subleaf, {base.eax, base.ebx, base.ecx, base.edx});
  return {seen.eax, seen.ebx, seen.ecx, seen.edx};
}

// --- Hypercalls
// -----------------------------------------------------------------------------------

HypercallResult Machine::hypercall(Cpu& cpu, HypercallInstruction instruction) {
  Trap trap(*this, cpu);
  note_hypercall(trap.index());
  const CpuState& state = cpu.state();
  const pv::Caller caller{.cpu = trap.index(),
                          .cpl = cpu.cpl(),
                          .long_mode = cpu.code_width() == CodeWidth::bits64,
                          .linear_rip = state.segment[kCs].base + state.rip};
  const auto opcode = instruction == HypercallInstruction::vmcall ? pv::HypercallOpcode::kVmcall
                                                                  : pv::HypercallOpcode::kVmmcall;
  const violations::HypercallResult result = model_.hypercall(caller, opcode, registers_of(state));
  if (result.fault) {
    if (result.fault->vector == violations::kPageFault) {
      // Only this way it gets a CR2; the instruction restarts after the handler.
      cpu.inject_exception(kPageFault, result.fault->error_code, result.fault->cr2);
      return {.fault = std::nullopt, .advance = 0};
    }
    return {.fault = GuestFault{result.fault->vector, result.fault->error_code}, .advance = 0};
  }
  const protocol::RegisterFile& r = result.registers;
  const std::pair<Gpr, std::uint64_t> values[] = {
      {kRax, r.rax}, {kRcx, r.rcx}, {kRdx, r.rdx}, {kRbx, r.rbx}, {kRbp, r.rbp},
      {kRsi, r.rsi}, {kRdi, r.rdi}, {kR8, r.r8},   {kR9, r.r9},   {kR10, r.r10},
      {kR11, r.r11}, {kR12, r.r12}, {kR13, r.r13}, {kR14, r.r14}, {kR15, r.r15}};
  for (const auto& [name, value] : values) cpu.set_gpr(name, value);
  if (r.rflags != state.rflags) {
    trap.vcpu().rflags_to_set = r.rflags;
    trap.vcpu().has_rflags_to_set = true;
    cpu.request_exit();
  }
  return {.fault = std::nullopt, .advance = result.advance};
}

// --- Interrupts, time, paging
// ---------------------------------------------------------------------

std::optional<std::uint8_t> Machine::acknowledge_interrupt(Cpu& cpu) {
  const unsigned index = index_of(cpu);
  model_.after_exit(index);
  std::optional<std::uint8_t> vector;
  if (index == 0 && vcpus_[0]->apic.accepts_external() && pic_.output()) {
    vector = pic_.acknowledge();
  } else {
    vector = vcpus_[index]->apic.acknowledge();
    if (vector) model_.at_injection(index, *vector);
  }
  model_.before_entry(index);
  update_line(index);
  return vector;
}

std::uint8_t Machine::read_cr8(Cpu& cpu) { return vcpus_[index_of(cpu)]->apic.cr8(); }

void Machine::write_cr8(Cpu& cpu, std::uint8_t value) {
  Trap trap(*this, cpu);
  trap.vcpu().apic.set_cr8(value);
}

std::uint64_t Machine::tsc(Cpu& cpu) { return tsc(index_of(cpu)); }

AbsentPage Machine::page_absent(Cpu& cpu, std::uint64_t gpa, bool write) {
  Trap trap(*this, cpu);
  const pv::AbsentAnswer answer = model_.touched_absent(trap.index(), gpa, write);
  switch (answer.action) {
    case pv::AbsentAnswer::Action::kPresent:
      break;
    case pv::AbsentAnswer::Action::kWait:
      trap.vcpu().waits_for_page = true;
      trap.vcpu().retry_at = UINT64_MAX;
      return {.action = AbsentPage::Action::retry};
    case pv::AbsentAnswer::Action::kInject:
      return {.action = AbsentPage::Action::inject,
              .cr2 = answer.fault.cr2,
              .error_code = answer.fault.error_code.value_or(0)};
  }
  return {.action = AbsentPage::Action::present};
}

}  // namespace hypervet::sim
