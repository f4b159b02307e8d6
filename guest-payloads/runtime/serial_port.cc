// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/serial_port.h"

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/instructions.h"

namespace hypervet::guest {

namespace {
constexpr std::uint16_t kData = protocol::kSerialPort, kInterruptEnable = kData + 1,
                        kFifoControl = kData + 2, kLineControl = kData + 3,
                        kModemControl = kData + 4, kLineStatus = kData + 5;
constexpr std::uint8_t kDataReady = 1, kTransmitterEmpty = 0x20, kLineIdle = 0x40;
constexpr std::size_t kFifo = 16;  // a 16550A takes so many bytes once its FIFO is empty
}  // namespace

void start_serial_port() {
  out8(kInterruptEnable, 0);
  out8(kLineControl, 0x80);  // divisor latch
  out8(kData, 1);            // 115200 baud
  out8(kInterruptEnable, 0);
  out8(kLineControl, 0x03);  // 8 data bits, no parity, 1 stop bit
  out8(kFifoControl, 0x07);  // FIFO on, both sides cleared
  out8(kModemControl, 0x03);
}

void serial_write(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  while (size != 0) {
    while ((in8(kLineStatus) & kTransmitterEmpty) == 0) pause();
    const std::size_t burst = size < kFifo ? size : kFifo;
    out_bytes(kData, bytes, burst);
    bytes += burst;
    size -= burst;
  }
}

void serial_drain() {
  // Bounded, should a VMM's port not know the bit.
  for (unsigned tries = 0; (in8(kLineStatus) & kLineIdle) == 0 && tries < 1'000'000; ++tries)
    pause();
}

std::uint8_t serial_read() {
  while ((in8(kLineStatus) & kDataReady) == 0) pause();
  return in8(kData);
}

}  // namespace hypervet::guest
