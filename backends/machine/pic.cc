// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/pic.h"

#include <bit>
#include <optional>

namespace hypervet::machine {
namespace {

constexpr unsigned kCascade = 2;
constexpr unsigned kSpurious = 7;
// IRQ 0, 1, 2, 8 and 13 are always edge-triggered on a PC.
constexpr std::array<std::uint8_t, 2> kElcrMask{0xf8, 0xde};

// The request that the chip signals: above everything in service.
std::optional<unsigned> pending(const Pic::Chip& chip) {
  if (!chip.initialised) return std::nullopt;
  const auto requests = static_cast<std::uint8_t>(chip.irr & ~chip.imr);
  if (requests == 0) return std::nullopt;
  const auto request = static_cast<unsigned>(std::countr_zero(requests));
  if (chip.isr != 0 && request >= static_cast<unsigned>(std::countr_zero(chip.isr))) {
    return std::nullopt;
  }
  return request;
}

void drive(Pic::Chip& chip, unsigned pin, bool level) {
  const auto bit = static_cast<std::uint8_t>(1u << pin);
  const bool rose = level && !(chip.lines & bit);
  chip.lines = static_cast<std::uint8_t>(level ? chip.lines | bit : chip.lines & ~bit);
  if (chip.elcr & bit) {
    chip.irr = static_cast<std::uint8_t>(level ? chip.irr | bit : chip.irr & ~bit);
  } else if (rose) {
    chip.irr |= bit;
  } else if (!level) {
    chip.irr &= static_cast<std::uint8_t>(~bit);  // an edge withdrawn before INTA is lost
  }
}

void take(Pic::Chip& chip, unsigned request) {
  const auto bit = static_cast<std::uint8_t>(1u << request);
  if (!(chip.elcr & bit)) chip.irr &= static_cast<std::uint8_t>(~bit);
  if (!chip.auto_eoi) chip.isr |= bit;
}

}  // namespace

Pic::Pic() : master_(*this, 0, false), slave_(*this, 1, false), triggers_(*this, 0, true) {}

void Pic::attach(Bus& bus) {
  bus.map_ports(0x20, 2, master_);
  bus.map_ports(0xa0, 2, slave_);
  bus.map_ports(0x4d0, 2, triggers_);
}

void Pic::update_cascade() { drive(state_.chip[0], kCascade, pending(state_.chip[1]).has_value()); }

void Pic::set_line(unsigned irq, bool level) {
  if (irq >= 16 || irq == kCascade) return;
  drive(state_.chip[irq / 8], irq % 8, level);
  update_cascade();
}

bool Pic::output() const { return pending(state_.chip[0]).has_value(); }

std::uint8_t Pic::acknowledge() {
  Chip& master = state_.chip[0];
  Chip& slave = state_.chip[1];
  const auto request = pending(master);
  if (!request) return static_cast<std::uint8_t>(master.vector_base + kSpurious);
  take(master, *request);
  if (*request != kCascade) return static_cast<std::uint8_t>(master.vector_base + *request);
  const auto behind = pending(slave);
  const unsigned pin = behind.value_or(kSpurious);
  if (behind) take(slave, pin);
  update_cascade();
  return static_cast<std::uint8_t>(slave.vector_base + pin);
}

void Pic::command(Chip& chip, std::uint8_t value) {
  if (value & 0x10) {  // ICW1
    const std::uint8_t lines = chip.lines, elcr = chip.elcr;
    chip = Chip{};
    chip.lines = lines;
    chip.elcr = elcr;
    chip.irr = lines & elcr;
    chip.init_step = 2;
    chip.expect_icw4 = (value & 1) != 0;
  } else if (value & 0x08) {  // OCW3: which register a read of this port gives
    if (value & 2) chip.read_isr = (value & 1) != 0;
  } else {  // OCW2
    const unsigned action = value >> 5;
    if (action == 1 && chip.isr != 0) {
      chip.isr &= static_cast<std::uint8_t>(chip.isr - 1);  // non-specific: the highest
    } else if (action == 3) {
      chip.isr &= static_cast<std::uint8_t>(~(1u << (value & 7)));
    }
  }
  update_cascade();
}

void Pic::data(Chip& chip, std::uint8_t value) {
  switch (chip.init_step) {
    case 2:
      chip.vector_base = value & 0xf8;
      chip.init_step = 3;
      break;
    case 3:
      chip.init_step = chip.expect_icw4 ? 4 : 0;
      chip.initialised = !chip.expect_icw4;
      break;
    case 4:
      chip.auto_eoi = (value & 2) != 0;
      chip.init_step = 0;
      chip.initialised = true;
      break;
    default:
      chip.imr = value;
      break;
  }
  update_cascade();
}

std::uint32_t Pic::Ports::port_in(std::uint16_t offset, unsigned) {
  if (elcr_) return pic_.state_.chip[offset & 1].elcr;
  const Chip& chip = pic_.state_.chip[chip_];
  if (offset == 1) return chip.imr;
  return chip.read_isr ? chip.isr : chip.irr;
}

void Pic::Ports::port_out(std::uint16_t offset, unsigned, std::uint32_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  if (elcr_) {
    pic_.state_.chip[offset & 1].elcr = byte & kElcrMask[offset & 1];
  } else if (offset == 0) {
    pic_.command(pic_.state_.chip[chip_], byte);
  } else {
    pic_.data(pic_.state_.chip[chip_], byte);
  }
}

}  // namespace hypervet::machine
