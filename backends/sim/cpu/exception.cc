// SPDX-License-Identifier: Apache-2.0
//
// Delivery of exceptions and interrupts through the IDT of long mode (Intel SDM vol. 3, 6.14), and
// what follows when delivery itself faults.
#include "backends/sim/cpu/core.h"

namespace hypervet::sim {
namespace {

// Intel SDM vol. 3, table 6-5.
bool contributory(std::uint8_t vector) {
  return vector == kDivideError || (vector >= kInvalidTss && vector <= kGeneralProtection);
}

bool becomes_double_fault(std::uint8_t first, std::uint8_t second) {
  if (contributory(first)) return contributory(second);
  return first == kPageFault && (contributory(second) || second == kPageFault);
}

// Faults push RF, so that an instruction breakpoint does not hit again.
bool pushes_resume(std::uint8_t vector, EventSource source) {
  return source == EventSource::exception && vector != kBreakpoint && vector != kOverflow &&
         vector != kDoubleFault;
}

std::uint32_t selector_error(std::uint16_t selector) { return selector & 0xfffcu; }

}  // namespace

void Core::deliver_event(std::uint8_t vector, std::optional<std::uint32_t> error,
                         EventSource source) {
  ++s.ticks;
  ++s.instructions;
  while (!deliver(vector, error, source, rip)) {
    if (attention & attention::kAbort) {
      // A stack or table page is absent for now: the event is not lost, the next run delivers it.
      injected = {.vector = vector, .has_error = error.has_value(), .error = error.value_or(0)};
      injected_cr2 = s.cr2;
      return;
    }
    attention &= ~attention::kFault;
    const PendingFault second = pending;
    const bool had_exception = source == EventSource::exception || source == EventSource::trap;
    if (vector == kDoubleFault && source == EventSource::exception) {
      s.activity = Activity::shutdown;
      stop = StopReason::shutdown;
      attention |= attention::kEvents;  // service() must look at it
      return;
    }
    const bool both = had_exception && becomes_double_fault(vector, second.vector);
    vector = both ? static_cast<std::uint8_t>(kDoubleFault) : second.vector;
    error = both ? std::optional<std::uint32_t>(0)
                 : (second.has_error ? std::optional<std::uint32_t>(second.error) : std::nullopt);
    source = EventSource::exception;
  }
}

bool Core::deliver(std::uint8_t vector, std::optional<std::uint32_t> error, EventSource source,
                   std::uint64_t return_ip) {
  trap_suppressed = true;
  if (real_mode()) return deliver_real(vector, return_ip);
  if (lma()) return deliver_long(vector, error, source, return_ip);
  return deliver_protected(vector, error, source, return_ip);
}

bool Core::deliver_long(std::uint8_t vector, std::optional<std::uint32_t> error, EventSource source,
                        std::uint64_t return_ip) {
  const std::uint32_t external = source == EventSource::software ? 0 : 1;
  const std::uint32_t gate_error = vector * 8u + 2 + external;
  if (vector * 16u + 15 > s.idtr.limit) return general_protection(gate_error);
  std::uint64_t low, high;
  const std::uint64_t gate = s.idtr.base + vector * 16u;
  if (!load_system(gate, 8, low) || !load_system(gate + 8, 8, high)) return false;

  const unsigned type = (low >> 40) & 31;
  constexpr unsigned kInterruptGate = 14, kTrapGate = 15;
  if (type != kInterruptGate && type != kTrapGate) return general_protection(gate_error);
  const unsigned gate_level = (low >> 45) & 3;
  if (source == EventSource::software && cpl > gate_level) return general_protection(gate_error);
  if (!((low >> 47) & 1)) return fault(kNotPresent, gate_error);
  const std::uint64_t target = (low & 0xffff) | ((low >> 48) << 16) | (high << 32);
  const auto selector = static_cast<std::uint16_t>(low >> 16);

  Segment cs;
  if (!gate_code(selector, external, cs)) return false;
  if (!cs.long_mode() || cs.big()) {
    return general_protection(selector_error(selector) | external);
  }
  const unsigned level = (cs.attributes & 4) ? cpl : cs.dpl();
  const bool inward = level < cpl;
  const unsigned ist = (low >> 32) & 7;
  std::uint64_t top = s.gpr[kRsp];
  if (ist != 0 || inward) {
    const unsigned slot = ist != 0 ? 0x24 + 8 * (ist - 1) : 4 + 8 * level;
    if (slot + 7 > s.tr.limit || !s.tr.present()) {
      return fault(kInvalidTss, selector_error(s.tr.selector) | external);
    }
    if (!load_system(s.tr.base + slot, 8, top)) return false;
  }
  if (!canonical(top)) return fault(kStackFault, external);
  top &= ~std::uint64_t{15};

  std::uint64_t image = rflags_value();
  if (pushes_resume(vector, source)) image |= rflags::kRf;
  const std::uint64_t saved[] = {s.segment[kSs].selector, s.gpr[kRsp], image,
                                 s.segment[kCs].selector, return_ip};
  const bool user = level == 3;
  for (std::uint64_t value : saved) {
    top -= 8;
    if (!store_slow(top, 8, user, value)) return false;
  }
  if (error) {
    top -= 8;
    if (!store_slow(top, 8, user, *error)) return false;
  }
  if (!canonical(target)) return general_protection(external);

  cs.selector = static_cast<std::uint16_t>((selector & ~3) | level);
  s.segment[kCs] = cs;
  if (inward) {
    s.segment[kSs] = Segment{.selector = static_cast<std::uint16_t>(level),
                             .attributes = static_cast<std::uint16_t>(level << 5),
                             .limit = 0};
  }
  s.gpr[kRsp] = top;
  s.rflags &= ~(rflags::kTf | rflags::kNt | rflags::kRf | rflags::kVm);
  if (type == kInterruptGate) s.rflags &= ~rflags::kIf;
  update_mode();
  rip = target;
  return true;
}

// The code segment that a gate names.
bool Core::gate_code(std::uint16_t selector, std::uint32_t external, Segment& cs) {
  if ((selector & ~3) == 0) return general_protection(external);
  Descriptor d;
  if (!read_descriptor(selector, d, external)) return false;
  const std::uint32_t error = selector_error(selector) | external;
  if (!d.code() || d.dpl() > cpl) return general_protection(error);
  if (!d.present()) return fault(kNotPresent, error);
  cs = d.segment(selector);
  return mark_accessed(d);
}

}  // namespace hypervet::sim
