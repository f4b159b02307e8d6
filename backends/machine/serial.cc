// SPDX-License-Identifier: Apache-2.0
// Register layout: National Semiconductor PC16550D data sheet, table II.
#include "backends/machine/serial.h"

namespace hypervet::machine {
namespace {

constexpr std::uint16_t kData = 0, kInterruptEnable = 1, kFifo = 2, kLineControl = 3,
                        kModemControl = 4, kLineStatus = 5, kModemStatus = 6, kScratch = 7;
constexpr std::uint8_t kDivisorLatch = 0x80;
constexpr std::uint8_t kReceiveEnable = 1, kTransmitEnable = 2;
constexpr std::uint8_t kDataReady = 1, kTransmitterEmpty = 0x60;
constexpr std::uint8_t kOut2 = 8;           // gates the interrupt line on a PC
constexpr std::uint8_t kModemReady = 0xb0;  // CTS, DSR, DCD

}  // namespace

void Serial::restore(const State& state) {
  state_ = state;
  output_.clear();
  overflowed_ = false;
}

std::uint32_t Serial::port_in(std::uint16_t offset, unsigned) {
  const bool latch = (state_.line_control & kDivisorLatch) != 0;
  switch (offset) {
    case kData: {
      if (latch) return state_.divisor & 0xff;
      if (state_.input.empty()) return 0;
      const std::uint8_t byte = state_.input.front();
      state_.input.pop_front();
      return byte;
    }
    case kInterruptEnable:
      return latch ? state_.divisor >> 8 : state_.interrupt_enable;
    case kFifo:
      return identify_interrupt();
    case kLineControl:
      return state_.line_control;
    case kModemControl:
      return state_.modem_control;
    case kLineStatus:
      return static_cast<std::uint32_t>(kTransmitterEmpty |
                                        (state_.input.empty() ? 0 : kDataReady));
    case kModemStatus:
      return kModemReady;
    case kScratch:
      return state_.scratch;
    default:
      return 0xff;
  }
}

void Serial::port_out(std::uint16_t offset, unsigned, std::uint32_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  const bool latch = (state_.line_control & kDivisorLatch) != 0;
  switch (offset) {
    case kData:
      if (latch) {
        state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0xff00) | byte);
        return;
      }
      if (output_.size() < kMaxOutput) {
        output_.push_back(byte);
      } else {
        overflowed_ = true;
      }
      state_.transmit_interrupt = true;
      return;
    case kInterruptEnable:
      if (latch) {
        state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0xff) | byte << 8);
        return;
      }
      if ((byte & kTransmitEnable) && !(state_.interrupt_enable & kTransmitEnable)) {
        state_.transmit_interrupt = true;
      }
      state_.interrupt_enable = byte & 0xf;
      return;
    case kFifo:
      state_.fifo_control = byte;
      if (byte & 2) state_.input.clear();
      return;
    case kLineControl:
      state_.line_control = byte;
      return;
    case kModemControl:
      state_.modem_control = byte & 0x1f;
      return;
    case kScratch:
      state_.scratch = byte;
      return;
    default:
      return;
  }
}

std::uint8_t Serial::identify_interrupt() {
  const std::uint8_t fifo = state_.fifo_control & 1 ? 0xc0 : 0;
  if ((state_.interrupt_enable & kReceiveEnable) && !state_.input.empty()) return fifo | 4;
  if ((state_.interrupt_enable & kTransmitEnable) && state_.transmit_interrupt) {
    state_.transmit_interrupt = false;  // reading it is the acknowledgement
    return fifo | 2;
  }
  return fifo | 1;
}

void Serial::receive(std::span<const std::uint8_t> bytes) {
  state_.input.insert(state_.input.end(), bytes.begin(), bytes.end());
}

bool Serial::interrupt() const {
  if (!(state_.modem_control & kOut2)) return false;
  const bool receive = (state_.interrupt_enable & kReceiveEnable) && !state_.input.empty();
  const bool transmit = (state_.interrupt_enable & kTransmitEnable) && state_.transmit_interrupt;
  return receive || transmit;
}

}  // namespace hypervet::machine
