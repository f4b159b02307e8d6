// SPDX-License-Identifier: Apache-2.0
//
// RDMSR, WRMSR, SWAPGS, RDFSBASE and its kin. The processor keeps the MSRs of CpuState, the
// platform all others.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

constexpr std::uint32_t kSysenterCs = 0x174, kSysenterEsp = 0x175, kSysenterEip = 0x176,
                        kEfer = 0xc0000080, kStar = 0xc0000081, kLstar = 0xc0000082,
                        kCstar = 0xc0000083, kSfmask = 0xc0000084, kFsBase = 0xc0000100,
                        kGsBase = 0xc0000101, kKernelGsBase = 0xc0000102, kTscAux = 0xc0000103;

std::uint64_t* own_register(CpuState& s, std::uint32_t msr) {
  switch (msr) {
    case kSysenterCs:
      return &s.sysenter_cs;
    case kSysenterEsp:
      return &s.sysenter_esp;
    case kSysenterEip:
      return &s.sysenter_eip;
    case kEfer:
      return &s.efer;
    case kStar:
      return &s.star;
    case kLstar:
      return &s.lstar;
    case kCstar:
      return &s.cstar;
    case kSfmask:
      return &s.sfmask;
    case kFsBase:
      return &s.segment[kFs].base;
    case kGsBase:
      return &s.segment[kGs].base;
    case kKernelGsBase:
      return &s.kernel_gs_base;
    case kTscAux:
      return &s.tsc_aux;
    default:
      return nullptr;
  }
}

bool holds_address(std::uint32_t msr) {
  switch (msr) {
    case kSysenterEsp:
    case kSysenterEip:
    case kLstar:
    case kCstar:
    case kFsBase:
    case kGsBase:
    case kKernelGsBase:
      return true;
    default:
      return false;
  }
}

bool has_32_bits(std::uint32_t msr) { return msr == kSfmask || msr == kTscAux; }

bool write_efer(Core& c, std::uint64_t value) {
  constexpr std::uint64_t kWritable = efer::kSce | efer::kLme | efer::kNxe;
  if (value & ~(kWritable | efer::kLma)) return c.general_protection();
  if ((c.s.cr0 & cr0::kPg) && ((value ^ c.s.efer) & efer::kLme)) return c.general_protection();
  c.s.efer = (value & kWritable) | (c.s.efer & efer::kLma);
  c.flush_translations();
  return true;
}

bool write_own(Core& c, std::uint32_t msr, std::uint64_t& to, std::uint64_t value) {
  if (msr == kEfer) return write_efer(c, value);
  if (holds_address(msr) && !c.canonical(value)) return c.general_protection();
  if (has_32_bits(msr) && (value >> 32)) return c.general_protection();
  to = value;
  return true;
}

bool read_msr(Core& c, const Op&) {
  if (!c.privileged()) return false;
  const auto msr = c.reg<std::uint32_t>(8 * kRcx);
  std::uint64_t value;
  if (const std::uint64_t* own = own_register(c.s, msr)) {
    value = *own;
  } else {
    c.synchronise();
    const auto answer = c.platform.rdmsr(c.cpu, msr);
    c.after_platform();
    if (!answer) return c.general_protection();
    value = *answer;
  }
  c.charge(c.costs.msr);
  c.set_reg(8 * kRax, static_cast<std::uint32_t>(value));
  c.set_reg(8 * kRdx, static_cast<std::uint32_t>(value >> 32));
  return true;
}

bool write_msr(Core& c, const Op& op) {
  if (!c.privileged()) return false;
  const auto msr = c.reg<std::uint32_t>(8 * kRcx);
  const std::uint64_t value =
      std::uint64_t{c.reg<std::uint32_t>(8 * kRdx)} << 32 | c.reg<std::uint32_t>(8 * kRax);
  if (std::uint64_t* own = own_register(c.s, msr)) {
    if (!write_own(c, msr, *own, value)) return false;
  } else {
    c.synchronise();
    const bool accepted = c.platform.wrmsr(c.cpu, msr, value);
    c.after_platform();
    if (!accepted) return c.general_protection();
  }
  c.charge(c.costs.msr);
  return c.leave(op);
}

bool swap_gs(Core& c, const Op&) {
  if (!c.privileged()) return false;
  std::swap(c.s.segment[kGs].base, c.s.kernel_gs_base);
  return true;
}

template <SegmentName kName>
bool read_base(Core& c, const Op& op) {
  if (!(c.s.cr4 & cr4::kFsgsbase)) return c.fault(kInvalidOpcode);
  c.set_reg_sized(op.dst, op.size, c.s.segment[kName].base);
  return true;
}

template <SegmentName kName>
bool write_base(Core& c, const Op& op) {
  if (!(c.s.cr4 & cr4::kFsgsbase)) return c.fault(kInvalidOpcode);
  const std::uint64_t value = c.reg_sized(op.dst, op.size);
  if (!c.canonical(value)) return c.general_protection();
  c.s.segment[kName].base = value;
  return true;
}

}  // namespace

Handler select_msr(const Decoded& d, Op& op, bool& last) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_RDMSR:
      return read_msr;
    case ZYDIS_MNEMONIC_WRMSR:
      last = true;
      return write_msr;
    case ZYDIS_MNEMONIC_SWAPGS:
      return swap_gs;
    case ZYDIS_MNEMONIC_RDFSBASE:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return read_base<kFs>;
    case ZYDIS_MNEMONIC_RDGSBASE:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return read_base<kGs>;
    case ZYDIS_MNEMONIC_WRFSBASE:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return write_base<kFs>;
    case ZYDIS_MNEMONIC_WRGSBASE:
      op.size = static_cast<std::uint8_t>(d.size(0));
      return write_base<kGs>;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
