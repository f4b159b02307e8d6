// SPDX-License-Identifier: Apache-2.0
// Registers, priorities and interprocessor interrupts; the timer is in local_apic_timer.cc, the
// x2APIC's rules are in local_apic_x2apic.cc.
#include "backends/machine/local_apic.h"

#include <bit>

namespace hypervet::machine {
namespace {

// Version 0x14, 7 LVT entries (0..6), EOI-broadcast suppression not offered (11.4.8).
constexpr std::uint32_t kVersionValue = 0x0006'0014;

// Error status bits (11.5.3).
constexpr std::uint32_t kSendIllegalVector = 1 << 5;
constexpr std::uint32_t kReceiveIllegalVector = 1 << 6;
constexpr std::uint32_t kIllegalRegister = 1 << 7;

// Writable bits of the LVT entries (figure 11-8): vector, delivery mode, polarity, trigger, mask.
constexpr std::uint32_t kLvtBits = 0x1'07ff;
constexpr std::uint32_t kLvtLintBits = 0x1'a7ff;
constexpr std::uint32_t kLvtErrorBits = 0x1'00ff;

constexpr std::uint32_t kIcrBits = 0x000c'cfff;

bool test(const VectorSet& set, std::uint8_t vector) {
  return (set[vector / 32] >> (vector % 32)) & 1;
}
void insert(VectorSet& set, std::uint8_t vector) { set[vector / 32] |= 1u << (vector % 32); }
void erase(VectorSet& set, std::uint8_t vector) { set[vector / 32] &= ~(1u << (vector % 32)); }

std::optional<std::uint8_t> highest(const VectorSet& set) {
  for (unsigned word = 8; word-- > 0;) {
    if (set[word] != 0) {
      return static_cast<std::uint8_t>(word * 32 + 31 -
                                       static_cast<unsigned>(std::countl_zero(set[word])));
    }
  }
  return std::nullopt;
}

}  // namespace

LocalApic::LocalApic(ApicHost& host, unsigned cpu) : host_(host), cpu_(cpu) { reset(); }

void LocalApic::reset() {
  state_ = State{};
  state_.base_msr = kApicBase | kEnable | (cpu_ == 0 ? kBootProcessor : 0);
  state_.id = cpu_;
}

void LocalApic::init() {
  const State old = state_;
  disarm_timer();
  state_ = State{};
  state_.base_msr = old.base_msr;
  state_.id = old.id;
  host_.apic_changed(cpu_);
}

std::uint32_t LocalApic::apic_id() const { return x2apic() ? cpu_ : state_.id; }

// --- Registers
// ------------------------------------------------------------------------------------

bool LocalApic::valid_register(std::uint32_t offset) const {
  using namespace apic;
  if (offset & 0xf) return false;
  if (offset >= kIsr && offset < kEsr) return true;
  switch (offset) {
    case kId:
    case kVersion:
    case kTpr:
    case kPpr:
    case kEoi:
    case kLdr:
    case kSvr:
    case kEsr:
    case kLvtCmci:
    case kIcr:
    case kLvtTimer:
    case kLvtThermal:
    case kLvtPerf:
    case kLvt0:
    case kLvt1:
    case kLvtError:
    case kTimerInitial:
    case kTimerCurrent:
    case kTimerDivide:
      return true;
    case kApr:
    case kDfr:
    case kIcrHigh:
      return !x2apic();
    case kSelfIpi:
      return x2apic();
    default:
      return false;
  }
}

std::uint32_t* LocalApic::lvt(std::uint32_t offset) {
  switch (offset) {
    case apic::kLvtCmci:
      return &state_.lvt_cmci;
    case apic::kLvtTimer:
      return &state_.lvt_timer;
    case apic::kLvtThermal:
      return &state_.lvt_thermal;
    case apic::kLvtPerf:
      return &state_.lvt_perf;
    case apic::kLvt0:
      return &state_.lvt0;
    case apic::kLvt1:
      return &state_.lvt1;
    case apic::kLvtError:
      return &state_.lvt_error;
    default:
      return nullptr;
  }
}

std::uint32_t LocalApic::read(std::uint32_t offset) {
  using namespace apic;
  if (offset >= kIsr && offset < kTmr) return state_.isr[(offset - kIsr) >> 4];
  if (offset >= kTmr && offset < kIrr) return state_.tmr[(offset - kTmr) >> 4];
  if (offset >= kIrr && offset < kEsr) return state_.irr[(offset - kIrr) >> 4];
  if (const std::uint32_t* entry = lvt(offset)) return *entry;
  switch (offset) {
    case kId:
      return x2apic() ? cpu_ : state_.id << 24;
    case kVersion:
      return kVersionValue;
    case kTpr:
      return state_.tpr;
    case kPpr:
      return processor_priority();
    // The logical x2APIC id derives from the id: cluster in the upper half, one bit in the lower
    // (11.12.10.2).
    case kLdr:
      return x2apic() ? (cpu_ >> 4) << 16 | 1u << (cpu_ & 15) : state_.ldr;
    case kDfr:
      return state_.dfr;
    case kSvr:
      return state_.svr;
    case kEsr:
      return state_.esr;
    case kIcr:
      return state_.icr;
    case kIcrHigh:
      return state_.icr_high;
    case kTimerInitial:
      return timer_mode() == 2 ? 0 : state_.timer_initial;
    case kTimerCurrent:
      return current_count();
    case kTimerDivide:
      return state_.timer_divide;
    default:
      return 0;
  }
}

void LocalApic::write(std::uint32_t offset, std::uint32_t value) {
  using namespace apic;
  switch (offset) {
    case kId:
      state_.id = value >> 24;
      return;
    case kTpr:
      state_.tpr = value & 0xff;
      host_.apic_changed(cpu_);
      return;
    case kEoi:
      if (const auto vector = highest_in_service(); vector && host_.apic_may_end(cpu_, *vector)) {
        end_of_interrupt();
      }
      return;
    case kLdr:
      state_.ldr = value & 0xff00'0000;
      return;
    case kDfr:
      state_.dfr = value | 0x0fff'ffff;
      return;
    case kSvr:
      write_svr(value);
      return;
    case kEsr:
      // A write latches what has gathered since the last one (11.5.3).
      state_.esr = state_.esr_pending;
      state_.esr_pending = 0;
      return;
    case kIcr:
      state_.icr = value & kIcrBits;
      send_icr();
      return;
    case kIcrHigh:
      state_.icr_high = value & 0xff00'0000;
      return;
    case kLvtTimer:
      write_lvt_timer(value);
      return;
    case kLvtCmci:
    case kLvtThermal:
    case kLvtPerf:
    case kLvt0:
    case kLvt1:
    case kLvtError: {
      const bool lint = offset == kLvt0 || offset == kLvt1;
      value &= lint ? kLvtLintBits : offset == kLvtError ? kLvtErrorBits : kLvtBits;
      if (!software_enabled()) value |= kMasked;
      *lvt(offset) = value;
      host_.apic_changed(cpu_);
      return;
    }
    case kTimerInitial:
      if (timer_mode() == 2) return;  // ignored in TSC-deadline mode (11.5.4.1)
      state_.timer_initial = value;
      state_.timer_start = host_.apic_now();
      arm_timer();
      return;
    case kTimerDivide:
      // The count so far is kept: the period starts anew with what is left of it.
      state_.timer_divide = value & 0xb;
      if (state_.timer_running) arm_timer();
      return;
    default:
      return;  // read-only
  }
}

void LocalApic::write_svr(std::uint32_t value) {
  state_.svr = value & 0x1ff;
  if (!software_enabled()) {
    for (std::uint32_t offset : {apic::kLvtCmci, apic::kLvtTimer, apic::kLvtThermal, apic::kLvtPerf,
                                 apic::kLvt0, apic::kLvt1, apic::kLvtError}) {
      *lvt(offset) |= kMasked;  // 11.4.7.2
    }
  }
  host_.apic_changed(cpu_);
}

std::uint32_t LocalApic::mmio_read(std::uint32_t offset) {
  if (!enabled() || x2apic()) return 0xffff'ffff;
  if (!valid_register(offset & ~3u)) {
    raise_error(kIllegalRegister);
    return 0;
  }
  return read(offset);
}

void LocalApic::mmio_write(std::uint32_t offset, std::uint32_t value) {
  if (!enabled() || x2apic()) return;
  if (!valid_register(offset)) {
    raise_error(kIllegalRegister);
    return;
  }
  write(offset, value);
}

std::uint32_t LocalApic::read_register(std::uint32_t offset) {
  return enabled() && valid_register(offset) ? read(offset) : 0;
}

void LocalApic::set_cr8(std::uint8_t value) {
  state_.tpr = static_cast<std::uint32_t>(value & 0xf) << 4;
  host_.apic_changed(cpu_);
}

// --- Priorities
// -----------------------------------------------------------------------------------

std::optional<std::uint8_t> LocalApic::highest_in_service() const { return highest(state_.isr); }
std::optional<std::uint8_t> LocalApic::highest_requested() const { return highest(state_.irr); }

unsigned LocalApic::in_service_count() const {
  unsigned count = 0;
  for (const std::uint32_t word : state_.isr) count += static_cast<unsigned>(std::popcount(word));
  return count;
}

bool LocalApic::level_triggered(std::uint8_t vector) const { return test(state_.tmr, vector); }

std::uint8_t LocalApic::processor_priority() const {
  // 11.8.3.1: the class in service wins with a zero sub-class, else TPR as it is.
  const std::uint8_t in_service = highest_in_service().value_or(0) & 0xf0;
  const auto task = static_cast<std::uint8_t>(state_.tpr);
  return (task & 0xf0) >= in_service ? task : in_service;
}

bool LocalApic::accept(std::uint8_t vector, bool level) {
  if (!software_enabled()) return false;
  if (vector < 16) {
    raise_error(kReceiveIllegalVector);
    return false;
  }
  insert(state_.irr, vector);
  if (level) {
    insert(state_.tmr, vector);
  } else {
    erase(state_.tmr, vector);
  }
  host_.apic_changed(cpu_);
  return true;
}

bool LocalApic::has_interrupt() const {
  if (!enabled()) return false;
  const auto requested = highest_requested();
  return requested && (*requested & 0xf0) > (processor_priority() & 0xf0);
}

std::optional<std::uint8_t> LocalApic::acknowledge() {
  if (!has_interrupt()) return std::nullopt;
  const std::uint8_t vector = *highest_requested();
  erase(state_.irr, vector);
  insert(state_.isr, vector);
  host_.apic_changed(cpu_);
  return vector;
}

std::optional<std::uint8_t> LocalApic::end_of_interrupt() {
  const auto vector = highest_in_service();
  if (!vector) return std::nullopt;
  erase(state_.isr, *vector);
  if (test(state_.tmr, *vector)) host_.apic_eoi(cpu_, *vector);
  host_.apic_changed(cpu_);
  return vector;
}

// --- Messages
// -------------------------------------------------------------------------------------

bool LocalApic::addressed_by(const InterruptMessage& message) const {
  if (!enabled()) return false;
  const std::uint32_t to = message.destination;
  if (to == (message.wide ? kBroadcastX2apic : kBroadcastXapic)) return true;
  if (!message.logical) return to == apic_id();
  if (x2apic()) {
    // 11.12.10.2: cluster must match, bits are a set.
    return (to >> 16) == (cpu_ >> 4) && (to & 0xffff & (1u << (cpu_ & 15))) != 0;
  }
  const std::uint32_t mine = state_.ldr >> 24;
  if ((state_.dfr >> 28) == 0xf) return (to & mine) != 0;     // flat model
  return (to >> 4) == (mine >> 4) && (to & mine & 0xf) != 0;  // cluster model
}

void LocalApic::send_icr() {
  const std::uint32_t icr = state_.icr;
  const InterruptMessage message{
      .mode = static_cast<DeliveryMode>((icr >> 8) & 7),
      .vector = static_cast<std::uint8_t>(icr),
      .logical = ((icr >> 11) & 1) != 0,
      .level = false,  // IPIs are edge-triggered whatever bit 15 says
      .shorthand = static_cast<Shorthand>((icr >> 18) & 3),
      .destination = x2apic() ? state_.icr_high : state_.icr_high >> 24,
      .wide = x2apic(),
      .origin = Origin::ipi,
  };
  const bool vectored =
      message.mode == DeliveryMode::fixed || message.mode == DeliveryMode::lowest_priority;
  if (vectored && message.vector < 16) {
    raise_error(kSendIllegalVector);
    return;
  }
  // INIT level de-assert has no meaning since the Pentium 4 (11.6.1).
  const bool deassert = message.mode == DeliveryMode::init && ((icr >> 14) & 3) == 2;
  if (!deassert) host_.apic_send(cpu_, message);
}

void LocalApic::raise_error(std::uint32_t bit) {
  state_.esr_pending |= bit;
  // The error's own vector may be illegal too; that must not raise an error again.
  if ((state_.lvt_error & 0xff) >= 16) fire(state_.lvt_error & 0x1'00ff, Origin::local);
}

void LocalApic::fire(std::uint32_t entry, Origin origin) {
  if (entry & kMasked) return;
  host_.apic_send(cpu_, {.mode = DeliveryMode::fixed,
                         .vector = static_cast<std::uint8_t>(entry),
                         .shorthand = Shorthand::self,
                         .origin = origin});
}

bool LocalApic::accepts_external() const {
  if (!enabled()) return true;
  return !(state_.lvt0 & kMasked) &&
         static_cast<DeliveryMode>((state_.lvt0 >> 8) & 7) == DeliveryMode::external;
}

bool LocalApic::accepts_nmi_pin() const {
  if (!enabled()) return true;
  return !(state_.lvt1 & kMasked) &&
         static_cast<DeliveryMode>((state_.lvt1 >> 8) & 7) == DeliveryMode::nmi;
}

}  // namespace hypervet::machine
