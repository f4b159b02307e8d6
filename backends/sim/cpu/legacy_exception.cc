// SPDX-License-Identifier: Apache-2.0
//
// Delivery of exceptions and interrupts outside long mode: 16- and 32-bit gates of protected mode
// (Intel SDM vol. 3, 6.12) and the vector table of real mode (20.1.4). Task gates stop the run.
#include "backends/sim/cpu/core.h"

namespace hypervet::sim {

bool Core::deliver_real(std::uint8_t vector, std::uint64_t return_ip) {
  if (vector * 4u + 3 > s.idtr.limit) return fault(kDoubleFault, 0);
  std::uint64_t entry;
  if (!load_system(s.idtr.base + vector * 4u, 4, entry)) return false;
  const std::uint64_t top = s.gpr[kRsp];
  if (!push(2, rflags_value()) || !push(2, s.segment[kCs].selector) || !push(2, return_ip)) {
    s.gpr[kRsp] = top;
    return false;
  }
  s.rflags &= ~(rflags::kIf | rflags::kTf | rflags::kAc);
  load_real_segment(kCs, static_cast<std::uint16_t>(entry >> 16));
  rip = entry & 0xffff;
  return true;
}

bool Core::deliver_protected(std::uint8_t vector, std::optional<std::uint32_t> error,
                             EventSource source, std::uint64_t return_ip) {
  const std::uint32_t external = source == EventSource::software ? 0 : 1;
  const std::uint32_t gate_error = vector * 8u + 2 + external;
  if (vector * 8u + 7 > s.idtr.limit) return general_protection(gate_error);
  std::uint64_t gate;
  if (!load_system(s.idtr.base + vector * 8u, 8, gate)) return false;

  const unsigned type = (gate >> 40) & 31;
  constexpr unsigned kTaskGate = 5, kInterrupt16 = 6, kTrap16 = 7, kInterrupt32 = 14, kTrap32 = 15;
  if (type == kTaskGate) return not_implemented("task gate");
  if (type != kInterrupt16 && type != kTrap16 && type != kInterrupt32 && type != kTrap32) {
    return general_protection(gate_error);
  }
  if (source == EventSource::software && cpl > ((gate >> 45) & 3)) {
    return general_protection(gate_error);
  }
  if (!((gate >> 47) & 1)) return fault(kNotPresent, gate_error);
  const bool wide = type >= kInterrupt32;
  const unsigned size = wide ? 4 : 2;
  const std::uint64_t target = (gate & 0xffff) | (wide ? (gate >> 48) << 16 : 0);
  const auto selector = static_cast<std::uint16_t>(gate >> 16);

  Segment cs, ss = s.segment[kSs];
  if (!gate_code(selector, external, cs)) return false;
  const unsigned level = (cs.attributes & 4) ? cpl : cs.dpl();
  const bool inward = level < cpl;
  std::uint64_t top = s.gpr[kRsp];
  if (inward) {
    // The 32-bit TSS: ESP0 at 4, SS0 at 8, and so on.
    const std::uint32_t tss_error = (s.tr.selector & 0xfffcu) | external;
    if (!s.tr.present() || 8 * level + 9 > s.tr.limit) return fault(kInvalidTss, tss_error);
    std::uint64_t ss_raw;
    if (!load_system(s.tr.base + 4 + 8 * level, 4, top) ||
        !load_system(s.tr.base + 8 + 8 * level, 2, ss_raw)) {
      return false;
    }
    const auto ss_selector = static_cast<std::uint16_t>(ss_raw);
    const std::uint32_t ss_error = (ss_selector & 0xfffcu) | external;
    if ((ss_selector & ~3) == 0) return fault(kInvalidTss, external);
    Descriptor d;
    if (!read_descriptor(ss_selector, d, external, kInvalidTss)) return false;
    if ((ss_selector & 3u) != level || d.system() || !d.writable() || d.dpl() != level) {
      return fault(kInvalidTss, ss_error);
    }
    if (!d.present()) return fault(kStackFault, ss_error);
    ss = d.segment(ss_selector);
  }

  const std::uint64_t mask = ss.big() ? 0xffffffff : 0xffff;
  const bool user = level == 3;
  const auto put = [&](std::uint64_t value) {
    top -= size;
    return store_slow((ss.base + (top & mask)) & 0xffffffff, size, user, value);
  };
  if (inward && (!put(s.segment[kSs].selector) || !put(s.gpr[kRsp]))) return false;
  if (!put(rflags_value()) || !put(s.segment[kCs].selector) || !put(return_ip)) return false;
  if (error && !put(*error)) return false;
  if (target > cs.limit) return general_protection(external);

  cs.selector = static_cast<std::uint16_t>((selector & ~3) | level);
  s.segment[kCs] = cs;
  s.segment[kSs] = ss;
  s.gpr[kRsp] = (s.gpr[kRsp] & ~mask & 0xffffffff) | (top & mask);
  s.rflags &= ~(rflags::kTf | rflags::kNt | rflags::kRf | rflags::kVm);
  if (type == kInterrupt16 || type == kInterrupt32) s.rflags &= ~rflags::kIf;
  update_mode();
  rip = target;
  return true;
}

}  // namespace hypervet::sim
