// SPDX-License-Identifier: Apache-2.0
// The local APIC as MSRs (Intel SDM vol. 3, 11.12): reserved bits and registers raise #GP, which in
// xAPIC mode they do not; and IA32_APIC_BASE, which leads from mode to mode.
#include "backends/machine/local_apic.h"

namespace hypervet::machine {
namespace {

// Bits that a write may set, by register (table 11-6). nullopt: read-only or absent.
std::optional<std::uint64_t> writable(std::uint32_t offset) {
  using namespace apic;
  switch (offset) {
    case kTpr:
      return 0xff;
    case kEoi:
    case kEsr:
      return 0;
    case kSvr:
      return 0x1ff;
    case kIcr:
      return 0xffff'ffff'000c'cfff;
    case kLvtTimer:
      return 0x7'00ff;
    case kLvtThermal:
    case kLvtPerf:
    case kLvtCmci:
      return 0x1'07ff;
    case kLvt0:
    case kLvt1:
      return 0x1'a7ff;
    case kLvtError:
      return 0x1'00ff;
    case kTimerInitial:
      return 0xffff'ffff;
    case kTimerDivide:
      return 0xb;
    case kSelfIpi:
      return 0xff;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> LocalApic::rdmsr(std::uint32_t msr) {
  if (msr == kApicBaseMsr) return state_.base_msr;
  if (msr == kTscDeadlineMsr) return timer_mode() == 2 ? state_.tsc_deadline : 0;
  if (msr < kX2apicFirstMsr || msr > kX2apicLastMsr || !x2apic()) return std::nullopt;
  const std::uint32_t offset = (msr - kX2apicFirstMsr) << 4;
  const bool write_only = offset == apic::kEoi || offset == apic::kSelfIpi;
  if (write_only || !valid_register(offset)) return std::nullopt;
  if (offset == apic::kIcr) return std::uint64_t{state_.icr_high} << 32 | state_.icr;
  return read(offset);
}

bool LocalApic::wrmsr(std::uint32_t msr, std::uint64_t value) {
  if (msr == kApicBaseMsr) return write_base(value);
  if (msr == kTscDeadlineMsr) {
    // Outside its mode a write is ignored; zero disarms; the past fires at once (11.5.4.1).
    if (timer_mode() != 2) return true;
    state_.tsc_deadline = value;
    arm_deadline();
    return true;
  }
  if (msr < kX2apicFirstMsr || msr > kX2apicLastMsr || !x2apic()) return false;
  return write_x2apic((msr - kX2apicFirstMsr) << 4, value);
}

bool LocalApic::write_x2apic(std::uint32_t offset, std::uint64_t value) {
  const auto bits = valid_register(offset) ? writable(offset) : std::nullopt;
  if (!bits || (value & ~*bits) != 0) return false;
  if (offset == apic::kIcr) {
    state_.icr_high = static_cast<std::uint32_t>(value >> 32);
  } else if (offset == apic::kSelfIpi) {
    host_.apic_send(cpu_, {.mode = DeliveryMode::fixed,
                           .vector = static_cast<std::uint8_t>(value),
                           .shorthand = Shorthand::self,
                           .origin = Origin::ipi});
    return true;
  }
  write(offset, static_cast<std::uint32_t>(value));
  return true;
}

bool LocalApic::write_base(std::uint64_t value) {
  // The base cannot be moved here: the page is where every CPU expects it.
  if ((value & ~(kBootProcessor | kExtended | kEnable)) != kApicBase) return false;
  if ((value & kBootProcessor) != (state_.base_msr & kBootProcessor)) return false;
  const bool was_enabled = enabled(), was_extended = x2apic();
  const bool enable = (value & kEnable) != 0, extend = (value & kExtended) != 0;
  // Figure 11-27: no extended mode without enable, no way from disabled to x2APIC or from x2APIC to
  // xAPIC.
  if (extend && !enable) return false;
  if (extend && !was_enabled) return false;
  if (was_extended && enable && !extend) return false;
  if (was_enabled && !enable) {
    disarm_timer();
    state_ = State{};
    state_.id = cpu_;
  }
  state_.base_msr = value;
  if (extend && !was_extended) {
    state_.id = cpu_;
    state_.icr_high = 0;
  }
  host_.apic_changed(cpu_);
  return true;
}

}  // namespace hypervet::machine
