// SPDX-License-Identifier: Apache-2.0
// The IOAPIC: 24 pins, each with a redirection entry (Intel 82093AA data sheet, 3.0).
// Level-triggered pins hold the remote IRR bit until the local APIC's EOI. Owned by the machine;
// one machine, one thread.
#pragma once

#include <array>
#include <cstdint>

#include "backends/machine/bus.h"
#include "backends/machine/interrupt_message.h"

namespace hypervet::machine {

inline constexpr std::uint64_t kIoApicBase = 0xfec0'0000;
inline constexpr std::uint64_t kIoApicSize = 0x1000;

class InterruptSink {
 public:
  virtual ~InterruptSink() = default;
  virtual void deliver(const InterruptMessage& message) = 0;
};

class IoApic final : public MmioDevice {
 public:
  static constexpr unsigned kPins = 24;
  struct State {
    std::uint32_t select = 0;
    std::uint32_t id = 0;
    std::uint32_t lines = 0;  // levels of the pins
    std::array<std::uint64_t, kPins> redirection;
    State() { redirection.fill(kMasked); }
  };

  // The sink must outlive this object.
  explicit IoApic(InterruptSink& sink) : sink_(sink) {}
  const State& save() const { return state_; }
  void restore(const State& state) { state_ = state; }

  // IOREGSEL at 0x00, IOWIN at 0x10, EOI register at 0x40 (version 0x20).
  std::uint64_t mmio_read(std::uint64_t offset, unsigned size) override;
  void mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) override;

  // Drives a pin; pins beyond the last are ignored.
  void set_line(unsigned pin, bool level);
  // The local APIC's EOI of a level-triggered vector: pins still raised are delivered again.
  void end_of_interrupt(std::uint8_t vector);

 private:
  static constexpr std::uint64_t kLevel = 1 << 15, kRemoteIrr = 1 << 14, kMasked = 1 << 16;
  std::uint32_t read_register() const;
  void write_register(std::uint32_t value);
  void service(unsigned pin);
  void send(unsigned pin);

  InterruptSink& sink_;
  State state_;
};

}  // namespace hypervet::machine
