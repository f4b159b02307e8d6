// SPDX-License-Identifier: Apache-2.0
// What the KVM model asks of its machine. Nothing here calls the model.
#include <limits>

#include "backends/sim/machine.h"
#include "backends/sim/page_walk.h"
#include "backends/sim/vcpu.h"

namespace hypervet::sim {
namespace {

// The host's CLOCK_REALTIME when the machine was created: 2026-01-01 00:00 UTC, so that runs
// repeat.
constexpr std::uint64_t kEpochNs = 1'767'225'600ull * 1'000'000'000;

machine::DeliveryMode mode_of(violations::DeliveryMode mode) {
  return static_cast<machine::DeliveryMode>(mode);
}

}  // namespace

bool Machine::read(std::uint64_t gpa, std::span<std::uint8_t> to) { return memory_->read(gpa, to); }

bool Machine::write(std::uint64_t gpa, std::span<const std::uint8_t> from) {
  return memory_->write(gpa, from);
}

bool Machine::write_unlogged(std::uint64_t gpa, std::span<const std::uint8_t> from) {
  return memory_->write_unlogged(gpa, from);
}

std::optional<violations::Fault> Machine::write_linear(unsigned cpu, std::uint64_t address,
                                                       std::span<const std::uint8_t> from) {
  const CpuState& state = vcpus_[cpu]->cpu.state();
  const unsigned level = vcpus_[cpu]->cpu.cpl();
  // All pages are looked up before the first byte is written.
  std::vector<std::uint64_t> places;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto place = walk_for_write(*memory_, state, level, address + i);
    if (!place) {
      if (place.error().outside_ram) return violations::kUd;
      return violations::Fault{violations::kPageFault, place.error().error_code, address + i};
    }
    if (!memory_->contains(*place, 1)) return violations::kUd;
    places.push_back(*place);
  }
  for (std::size_t i = 0; i < from.size(); ++i) memory_->store(places[i], from[i]);
  return std::nullopt;
}

unsigned Machine::cpus() const { return configuration_.cpus; }

std::uint32_t Machine::apic_id(unsigned cpu) const { return vcpus_[cpu]->apic.apic_id(); }

std::optional<unsigned> Machine::cpu_of(std::uint32_t id) const {
  for (const auto& vcpu : vcpus_) {
    if (vcpu->apic.enabled() && vcpu->apic.apic_id() == id) return vcpu->index;
  }
  return std::nullopt;
}

pv::HypercallOpcode Machine::native_opcode() const {
  return vendor_ == CpuVendor::intel ? pv::HypercallOpcode::kVmcall : pv::HypercallOpcode::kVmmcall;
}

unsigned Machine::cpl(unsigned cpu) const { return vcpus_[cpu]->cpu.cpl(); }

bool Machine::interrupts_open(unsigned cpu) const { return vcpus_[cpu]->cpu.interrupts_open(); }

bool Machine::is_halted(unsigned cpu) const {
  return vcpus_[cpu]->cpu.state().activity == Activity::halted;
}

void Machine::flush_tlb(unsigned cpu) {
  Vcpu& vcpu = *vcpus_[cpu];
  if (&vcpu == current_) {
    vcpu.flush = true;
    end_slice();
  } else {
    const CpuState state = vcpu.cpu.state();
    vcpu.cpu.set_state(state);  // drops all that was cached
  }
}

void Machine::deliver_interrupt(unsigned cpu, std::uint8_t vector, violations::DeliveryMode mode,
                                violations::Source) {
  if (cpu < vcpus_.size()) deliver_to(cpu, vector, mode_of(mode), false);
}

void Machine::wake(unsigned cpu) {
  if (cpu >= vcpus_.size()) return;
  vcpus_[cpu]->unhalt = true;  // taken when it next halts, or at once if it already has
  end_slice();
}

void Machine::yield_to(unsigned cpu) {
  if (cpu >= vcpus_.size()) return;
  preferred_ = cpu;
  end_slice();
}

void Machine::stall(unsigned cpu, std::uint64_t ns) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - now();
  vcpus_[cpu]->stalled_until = now() + std::min(ns, most);
  events_.set(vcpus_[cpu]->stalled_until, kStallEnds, cpu);
  end_slice();
}

pv::ApicView Machine::apic(unsigned cpu) const {
  const machine::LocalApic& apic = vcpus_[cpu]->apic;
  const auto highest = apic.highest_in_service();
  return {.enabled = apic.software_enabled(),
          .in_service = apic.in_service_count(),
          .highest = highest.value_or(0),
          .requested = apic.highest_requested().has_value(),
          .needs_real_eoi = highest && apic.level_triggered(*highest)};
}

void Machine::end_of_interrupt(unsigned cpu) { vcpus_[cpu]->apic.end_of_interrupt(); }

std::uint64_t Machine::tsc(unsigned cpu) const { return now() + vcpus_[cpu]->tsc_offset; }

std::uint64_t Machine::tsc_offset(unsigned cpu) const { return vcpus_[cpu]->tsc_offset; }

std::uint64_t Machine::wall_clock_ns() const { return kEpochNs + now(); }

bool Machine::set_absent(std::uint64_t page_gpa, bool absent) {
  if (!memory_->contains(page_gpa, 1)) return false;
  memory_->set_absent(page_gpa >> machine::kPageShift, absent);
  if (!absent) {
    // Whoever waits for a page looks again.
    for (const auto& vcpu : vcpus_) vcpu->retry_at = 0;
    end_slice();
  }
  return true;
}

}  // namespace hypervet::sim
