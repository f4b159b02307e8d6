// SPDX-License-Identifier: Apache-2.0
//
// The public face of a processor, and its start: INIT, SIPI, snapshots.
#include "backends/sim/cpu/cpu.h"

#include "backends/sim/cpu/core.h"

namespace hypervet::sim {

// Intel SDM vol. 3, table 10-1, column INIT. Caching stays disabled; MSRs stay, EFER apart.
void Core::reset_to_init() {
  CpuState fresh;
  fresh.cr0 = cr0::kEt | cr0::kCd | cr0::kNw;
  fresh.gpr[kRdx] = 0x600;
  fresh.segment[kCs].selector = 0xf000;
  fresh.segment[kCs].base = 0xffff0000;
  fresh.kernel_gs_base = s.kernel_gs_base;
  fresh.star = s.star;
  fresh.lstar = s.lstar;
  fresh.cstar = s.cstar;
  fresh.sfmask = s.sfmask;
  fresh.sysenter_cs = s.sysenter_cs;
  fresh.sysenter_esp = s.sysenter_esp;
  fresh.sysenter_eip = s.sysenter_eip;
  fresh.tsc_aux = s.tsc_aux;
  fresh.ticks = s.ticks;
  fresh.instructions = s.instructions;
  fresh.interrupt_line = s.interrupt_line;
  fresh.activity = Activity::wait_for_sipi;
  adopt(fresh);
}

void Core::start_at(std::uint8_t vector) {
  s.segment[kCs].selector = static_cast<std::uint16_t>(vector << 8);
  s.segment[kCs].base = std::uint64_t{vector} << 12;
  s.activity = Activity::running;
  s.rip = rip = 0;
  update_mode();
}

void Core::adopt(const CpuState& state) {
  s = state;
  flags.set_bits(s.rflags);
  rip = s.rip;
  // Stepping goes on if it must; everything else belonged to the old state.
  attention &= attention::kCodeChanged;
  injected.reset();
  flush_translations();
  width = CodeWidth::bits16;
  for (CodeTlbBank& bank : code_banks) bank.flush();
  update_mode();
}

std::uint64_t Core::reg_sized(unsigned offset, unsigned size) const {
  switch (size) {
    case 1:
      return reg<std::uint8_t>(offset);
    case 2:
      return reg<std::uint16_t>(offset);
    case 4:
      return reg<std::uint32_t>(offset);
    default:
      return reg<std::uint64_t>(offset);
  }
}

void Core::set_reg_sized(unsigned offset, unsigned size, std::uint64_t value) {
  switch (size) {
    case 1:
      return set_reg(offset, static_cast<std::uint8_t>(value));
    case 2:
      return set_reg(offset, static_cast<std::uint16_t>(value));
    case 4:
      return set_reg(offset, static_cast<std::uint32_t>(value));
    default:
      return set_reg(offset, value);
  }
}

std::uint64_t Core::truncated_address(const Op& op, std::uint64_t plain) const {
  return segmented(op, op.segment,
                   plain & (op.address == AddressKind::legacy16 ? 0xffff : 0xffffffff));
}

std::uint64_t Core::segmented(const Op& op, std::uint16_t segment, std::uint64_t offset) const {
  const std::uint64_t linear = offset + word(segment);
  const bool wide = op.address == AddressKind::plain64 || op.address == AddressKind::short64;
  return wide ? linear : linear & 0xffffffff;
}

Cpu::Cpu(Platform& platform, machine::GuestMemory& memory, CodeCache& code)
    : core_(std::make_unique<Core>(*this, platform, memory, code)) {
  core_->adopt(CpuState{});
}

Cpu::~Cpu() = default;

RunResult Cpu::run(std::uint64_t budget) { return core_->run(budget); }

const CpuState& Cpu::state() const {
  core_->synchronise();
  return core_->s;
}

void Cpu::set_state(const CpuState& state) { core_->adopt(state); }

std::uint64_t Cpu::gpr(Gpr reg) const { return core_->s.gpr[reg]; }
void Cpu::set_gpr(Gpr reg, std::uint64_t value) { core_->s.gpr[reg] = value; }
unsigned Cpu::cpl() const { return core_->cpl; }
CodeWidth Cpu::code_width() const { return core_->width; }
bool Cpu::long_mode() const { return core_->lma(); }
std::uint64_t Cpu::ticks() const { return core_->ticks(); }
std::uint64_t Cpu::instructions() const { return core_->instructions(); }

void Cpu::request_exit() {
  core_->stop = StopReason::stopped;
  core_->attention |= attention::kStop;
}

void Cpu::set_interrupt_line(bool raised) {
  core_->s.interrupt_line = raised;
  if (raised) core_->notice_events();
}

bool Cpu::interrupts_open() const {
  return (core_->s.rflags & rflags::kIf) && !core_->s.interrupt_shadow;
}

void Cpu::pend_nmi() {
  core_->s.nmi_pending = true;
  core_->notice_events();
}

void Cpu::init() {
  if (core_->running) {
    core_->attention |= attention::kInit;
  } else {
    core_->reset_to_init();
  }
}

void Cpu::sipi(std::uint8_t vector) {
  if (core_->s.activity == Activity::wait_for_sipi) core_->start_at(vector);
}

bool Cpu::wake() {
  if (core_->s.activity != Activity::halted) return false;
  core_->s.activity = Activity::running;
  return true;
}

void Cpu::inject_exception(std::uint8_t vector, std::optional<std::uint32_t> error_code,
                           std::uint64_t cr2) {
  core_->injected = PendingFault{
      .vector = vector, .has_error = error_code.has_value(), .error = error_code.value_or(0)};
  core_->injected_cr2 = cr2;
  core_->notice_events();
}

Costs& Cpu::costs() { return core_->costs; }
const Unimplemented& Cpu::unimplemented() const { return core_->unknown; }
void Cpu::set_physical_address_bits(unsigned bits) { core_->physical_bits = bits; }

std::optional<std::uint64_t> Cpu::translate(std::uint64_t virtual_address) const {
  return core_->inspect(virtual_address);
}

}  // namespace hypervet::sim
