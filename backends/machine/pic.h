// SPDX-License-Identifier: Apache-2.0
// The pair of 8259A interrupt controllers of a PC: initialisation sequence, masks, fixed
// priorities, EOI and automatic EOI, edge and level (ELCR) triggering. Polling, rotation and
// special fully nested mode are left out: payloads that need them do not exist. Owned by the
// machine; one machine, one thread.
#pragma once

#include <array>
#include <cstdint>

#include "backends/machine/bus.h"

namespace hypervet::machine {

class Pic {
 public:
  struct Chip {
    std::uint8_t irr = 0, isr = 0, imr = 0, lines = 0, elcr = 0;
    std::uint8_t vector_base = 0;
    std::uint8_t init_step = 0;  // the ICW expected next at the data port, 0: none
    bool expect_icw4 = false, auto_eoi = false, read_isr = false, initialised = false;
  };
  struct State {
    std::array<Chip, 2> chip;  // master, slave
  };

  Pic();
  Pic(const Pic&) = delete;
  Pic& operator=(const Pic&) = delete;
  const State& save() const { return state_; }
  void restore(const State& state) { state_ = state; }

  // The ports 0x20-0x21, 0xa0-0xa1, 0x4d0-0x4d1.
  void attach(Bus& bus);
  // irq below 16; 2 is the cascade and ignored.
  void set_line(unsigned irq, bool level);
  // INTR.
  bool output() const;
  // INTA: the vector; the spurious one (IRQ 7) if the request is gone.
  std::uint8_t acknowledge();

 private:
  class Ports final : public PortDevice {
   public:
    Ports(Pic& pic, unsigned chip, bool elcr) : pic_(pic), chip_(chip), elcr_(elcr) {}
    std::uint32_t port_in(std::uint16_t offset, unsigned size) override;
    void port_out(std::uint16_t offset, unsigned size, std::uint32_t value) override;

   private:
    Pic& pic_;
    unsigned chip_;
    bool elcr_;
  };

  void command(Chip& chip, std::uint8_t value);
  void data(Chip& chip, std::uint8_t value);
  void update_cascade();

  State state_;
  Ports master_, slave_, triggers_;
};

}  // namespace hypervet::machine
