// SPDX-License-Identifier: Apache-2.0
// Interrupts on their way: from ICRs, timers, pins and MSIs through the interposer to local APICs
// and CPUs.
#include <algorithm>
#include <bit>

#include "backends/sim/machine.h"
#include "backends/sim/vcpu.h"

namespace hypervet::sim {
namespace {

using machine::DeliveryMode;
using machine::InterruptMessage;
using machine::Origin;
using machine::Shorthand;

violations::Source source_of(const InterruptMessage& message) {
  switch (message.origin) {
    case Origin::ipi:
      return violations::Source::kIcr;
    case Origin::timer:
      return violations::Source::kTimer;
    case Origin::msi:
      return violations::Source::kMsi;
    case Origin::local:
    case Origin::ioapic:
      break;
  }
  return message.mode == DeliveryMode::nmi ? violations::Source::kNmi : violations::Source::kMsi;
}

}  // namespace

std::uint64_t Machine::apic_tsc(unsigned cpu) const {
  return cpu < vcpus_.size() ? tsc(cpu) : now();
}

void Machine::apic_set_timer(unsigned cpu, std::optional<std::uint64_t> when) {
  if (!when) return events_.cancel(kApicTimer, cpu);
  events_.set(*when, kApicTimer, cpu);
  if (*when < slice_end_) end_slice();
}

void Machine::apic_changed(unsigned cpu) {
  // While the machine is built the APICs are reset one by one.
  if (cpu < vcpus_.size()) update_line(cpu);
}

bool Machine::apic_may_end(unsigned cpu, std::uint8_t vector) {
  return interposer_.end_of_interrupt(violations::EoiKind::kApicEoi, cpu, vector);
}

void Machine::apic_eoi(unsigned, std::uint8_t vector) { io_apic_.end_of_interrupt(vector); }

void Machine::apic_send(unsigned cpu, const InterruptMessage& message) {
  const auto everyone = static_cast<std::uint32_t>((1u << vcpus_.size()) - 1);
  switch (message.shorthand) {
    case Shorthand::self:
      return send(1u << cpu, message);
    case Shorthand::all:
      return send(everyone, message);
    case Shorthand::others:
      return send(everyone & ~(1u << cpu), message);
    case Shorthand::none:
      return deliver(message);
  }
}

void Machine::deliver(const InterruptMessage& message) {
  std::uint32_t targets = 0;
  for (const auto& vcpu : vcpus_) {
    if (vcpu->apic.addressed_by(message)) targets |= 1u << vcpu->index;
  }
  send(targets, message);
}

void Machine::send(std::uint32_t targets, const InterruptMessage& message) {
  if (targets == 0) return;
  if (message.mode == DeliveryMode::lowest_priority) {
    unsigned lowest = static_cast<unsigned>(std::countr_zero(targets));
    for (unsigned cpu = lowest + 1; cpu < vcpus_.size(); ++cpu) {
      const bool lower =
          vcpus_[cpu]->apic.processor_priority() < vcpus_[lowest]->apic.processor_priority();
      if ((targets >> cpu & 1) && lower) lowest = cpu;
    }
    targets = 1u << lowest;
  }
  const violations::InterruptContext context{
      .source = source_of(message),
      .lowest = static_cast<unsigned>(std::countr_zero(targets)),
      .highest = static_cast<unsigned>(std::bit_width(targets)) - 1};
  for (; targets != 0; targets &= targets - 1) {
    const auto cpu = static_cast<unsigned>(std::countr_zero(targets));
    const violations::Interrupt wanted{.cpu = cpu,
                                       .vector = message.vector,
                                       .mode = static_cast<violations::DeliveryMode>(message.mode)};
    // Copied: a delivery may send another interrupt, and the span ends with the next question.
    const auto answer = interposer_.interrupt(context, wanted);
    const std::vector<violations::Interrupt> actual(answer.begin(), answer.end());
    for (const violations::Interrupt& one : actual) {
      if (one.cpu >= vcpus_.size()) continue;
      model_.after_exit(one.cpu);
      deliver_to(one.cpu, one.vector, static_cast<DeliveryMode>(one.mode), message.level);
      if (one.mode == violations::DeliveryMode::kInit) model_.init_cpu(one.cpu);
    }
  }
}

// The interrupt is at the CPU: no violation, no model from here on.
void Machine::deliver_to(unsigned index, std::uint8_t vector, DeliveryMode mode, bool level) {
  Vcpu& vcpu = *vcpus_[index];
  switch (mode) {
    case DeliveryMode::fixed:
    case DeliveryMode::lowest_priority:
      vcpu.apic.accept(vector, level);
      return;
    case DeliveryMode::nmi:
      vcpu.cpu.pend_nmi();
      return attract_attention(index);
    case DeliveryMode::init:
      vcpu.apic.init();
      vcpu.cpu.init();
      vcpu.unhalt = false;
      vcpu.waits_for_page = false;
      return attract_attention(index);
    case DeliveryMode::startup:
      vcpu.cpu.sipi(vector);
      return attract_attention(index);
    case DeliveryMode::smi:
    case DeliveryMode::external:
      return;  // no SMM here; the 8259 speaks for itself
  }
}

void Machine::set_line(unsigned gsi, bool level) {
  pic_.set_line(gsi, level);
  io_apic_.set_line(gsi, level);
  update_line(0);
}

void Machine::update_line(unsigned index) {
  Vcpu& vcpu = *vcpus_[index];
  const bool external = index == 0 && pic_.output() && vcpu.apic.accepts_external();
  const bool raised = external || vcpu.apic.has_interrupt();
  const bool before = vcpu.cpu.state().interrupt_line;
  if (raised == before) return;
  vcpu.cpu.set_interrupt_line(raised);
  if (raised && &vcpu != current_) end_slice();
}

void Machine::attract_attention(unsigned index) {
  vcpus_[index]->attention = true;
  if (vcpus_[index].get() != current_) end_slice();
}

void Machine::end_slice() {
  if (current_ != nullptr) current_->cpu.request_exit();
}

}  // namespace hypervet::sim
