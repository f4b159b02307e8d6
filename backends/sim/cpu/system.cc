// SPDX-License-Identifier: Apache-2.0
//
// Instructions that ask the platform or stop the run: VMCALL, CPUID, RDTSC, IN, OUT, HLT, PAUSE;
// INVLPG; and those that need do nothing here.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {

// Intel SDM vol. 1, 19.5: IOPL, else the I/O permission bitmap of the TSS.
bool Core::port_allowed(std::uint16_t port, unsigned size) {
  if (real_mode() || cpl <= iopl()) return true;
  if (!s.tr.present() || s.tr.limit < 0x67) return general_protection();
  std::uint64_t bitmap, bits;
  if (!load_system(s.tr.base + 0x66, 2, bitmap)) return false;
  const std::uint64_t at = bitmap + port / 8u;
  if (at + 1 > s.tr.limit) return general_protection();
  if (!load_system(s.tr.base + at, 2, bits)) return false;
  const std::uint64_t mask = ((std::uint64_t{1} << size) - 1) << (port % 8);
  return (bits & mask) == 0 ? true : general_protection();
}

std::uint32_t Core::port_in(std::uint16_t port, unsigned size) {
  synchronise();
  const std::uint32_t value = platform.port_in(cpu, port, size);
  charge(costs.port_io);
  after_platform();
  return value;
}

void Core::port_out(std::uint16_t port, unsigned size, std::uint32_t value) {
  synchronise();
  platform.port_out(cpu, port, size, value);
  charge(costs.port_io);
  after_platform();
}

namespace {

// The port is in op.imm, or in DX if bit 16 is set; op.size is that of the accumulator.
std::uint16_t port_of(const Core& c, const Op& op) {
  return op.imm & 0x10000 ? c.reg<std::uint16_t>(8 * kRdx) : static_cast<std::uint16_t>(op.imm);
}

bool input(Core& c, const Op& op) {
  const std::uint16_t port = port_of(c, op);
  if (!c.port_allowed(port, op.size)) return false;
  c.set_reg_sized(8 * kRax, op.size, c.port_in(port, op.size));
  return true;
}

bool output(Core& c, const Op& op) {
  const std::uint16_t port = port_of(c, op);
  if (!c.port_allowed(port, op.size)) return false;
  c.port_out(port, op.size, static_cast<std::uint32_t>(c.reg_sized(8 * kRax, op.size)));
  return true;
}

template <HypercallInstruction kInstruction>
bool hypercall(Core& c, const Op& op) {
  c.synchronise();
  const HypercallResult result = c.platform.hypercall(c.cpu, kInstruction);
  c.after_platform();
  if (result.fault) {
    return result.fault->error_code ? c.fault(result.fault->vector, *result.fault->error_code)
                                    : c.fault(result.fault->vector);
  }
  c.charge(c.costs.hypercall);
  if (result.advance == op.length) return true;
  c.rip = c.truncate_ip(c.ip_of(op) + result.advance);
  return false;
}

bool identify(Core& c, const Op&) {
  c.synchronise();
  const CpuidResult r =
      c.platform.cpuid(c.cpu, c.reg<std::uint32_t>(8 * kRax), c.reg<std::uint32_t>(8 * kRcx));
  c.after_platform();
  c.charge(c.costs.cpuid);
  c.set_reg(8 * kRax, r.eax);
  c.set_reg(8 * kRbx, r.ebx);
  c.set_reg(8 * kRcx, r.ecx);
  c.set_reg(8 * kRdx, r.edx);
  return true;
}

bool read_time_stamp(Core& c, const Op&) {
  if ((c.s.cr4 & cr4::kTsd) && !c.privileged()) return false;
  c.synchronise();
  const std::uint64_t value = c.platform.tsc(c.cpu);
  c.after_platform();
  c.set_reg(8 * kRax, static_cast<std::uint32_t>(value));
  c.set_reg(8 * kRdx, static_cast<std::uint32_t>(value >> 32));
  return true;
}

bool read_time_stamp_and_aux(Core& c, const Op& op) {
  if (!read_time_stamp(c, op)) return false;
  c.set_reg(8 * kRcx, static_cast<std::uint32_t>(c.s.tsc_aux));
  return true;
}

bool read_processor_id(Core& c, const Op& op) {
  c.set_reg_sized(op.dst, op.size, c.s.tsc_aux);
  return true;
}

bool halt(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  c.s.activity = Activity::halted;
  c.notice_events();
  return c.stop_after(op, StopReason::halted);
}

bool pause(Core& c, const Op& op) {
  c.charge(c.costs.pause);
  return c.costs.yield_on_pause ? c.stop_after(op, StopReason::yield) : c.leave(op);
}

bool invalidate_page(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  c.flush_translations();
  return c.leave(op);
}

bool nothing(Core&, const Op&) { return true; }

// Cache maintenance that only CPL 0 may ask for.
bool nothing_privileged(Core& c, const Op&) { return c.privileged(); }

// CLFLUSH is checked like a load of a byte.
bool flush_line(Core& c, const Op& op) {
  std::uint64_t unused;
  return c.translate(c.address(op), Access::read, c.cpl == 3, unused);
}

bool undefined(Core& c, const Op&) { return c.fault(kInvalidOpcode); }

Handler select_ports(const Decoded& d, Op& op) {
  const bool in = d.insn.mnemonic == ZYDIS_MNEMONIC_IN;
  const unsigned port_operand = in ? 1 : 0;
  op.size = static_cast<std::uint8_t>(d.size(1 - port_operand));
  op.imm = d.is_register(port_operand) ? 0x10000 : op.imm & 0xff;
  return in ? input : output;
}

Handler select_idle(const Decoded& d) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_NOP:
    case ZYDIS_MNEMONIC_ENDBR32:
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_LFENCE:
    case ZYDIS_MNEMONIC_MFENCE:
    case ZYDIS_MNEMONIC_SFENCE:
    case ZYDIS_MNEMONIC_PREFETCH:
    case ZYDIS_MNEMONIC_PREFETCHNTA:
    case ZYDIS_MNEMONIC_PREFETCHT0:
    case ZYDIS_MNEMONIC_PREFETCHT1:
    case ZYDIS_MNEMONIC_PREFETCHT2:
    case ZYDIS_MNEMONIC_PREFETCHW:
      return nothing;
    case ZYDIS_MNEMONIC_INVD:
    case ZYDIS_MNEMONIC_WBINVD:
      return nothing_privileged;
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
      return flush_line;
    default:
      return nullptr;
  }
}

}  // namespace

Handler select_system(const Decoded& d, Op& op, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_IN:
    case ZYDIS_MNEMONIC_OUT:
      return select_ports(d, op);
    case ZYDIS_MNEMONIC_VMCALL:
      return hypercall<HypercallInstruction::vmcall>;
    case ZYDIS_MNEMONIC_VMMCALL:
      return hypercall<HypercallInstruction::vmmcall>;
    case ZYDIS_MNEMONIC_CPUID:
      return identify;
    case ZYDIS_MNEMONIC_RDTSC:
      return read_time_stamp;
    case ZYDIS_MNEMONIC_RDTSCP:
      return read_time_stamp_and_aux;
    case ZYDIS_MNEMONIC_RDPID:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return read_processor_id;
    case ZYDIS_MNEMONIC_HLT:
      last = true;
      return halt;
    case ZYDIS_MNEMONIC_PAUSE:
      last = true;
      return pause;
    case ZYDIS_MNEMONIC_INVLPG:
      last = true;
      return invalidate_page;
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
      last = true;
      return undefined;
    default:
      return select_idle(d);
  }
}

}  // namespace hypervet::sim
