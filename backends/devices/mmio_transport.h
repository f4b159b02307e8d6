// SPDX-License-Identifier: Apache-2.0
// Virtio over MMIO, version 2 (4.2): one window of registers with the configuration behind it, one
// line. Owned by the machine; thread as transport.h says.
#pragma once

#include <cstdint>

#include "backends/devices/transport.h"
#include "backends/machine/bus.h"

namespace hypervet::devices {

inline constexpr std::uint64_t kMmioBase = 0xfeb0'0000;
inline constexpr std::uint64_t kMmioSize = 0x200;
inline constexpr unsigned kMmioGsi = 16;

class MmioTransport final : public Transport, public machine::MmioDevice {
 public:
  MmioTransport(Device& device, Board& board, machine::GuestMemory& memory,
                violations::Interposer& interposer, const TransportOptions& options)
      : Transport(device, board, memory, interposer, options, 0) {}

  std::uint64_t mmio_read(std::uint64_t offset, unsigned size) override;
  void mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) override;

 private:
  void interrupt(const violations::VirtioInterrupt& how, unsigned queue) override;
  void reset_interrupts() override;
  bool disables_queues() const override { return true; }

  std::uint32_t read_control(std::uint64_t offset);
  void write_control(std::uint64_t offset, std::uint32_t value);
  void acknowledge(std::uint64_t bits);

  std::uint32_t device_half_ = 0;  // DeviceFeaturesSel
  std::uint32_t driver_half_ = 0;  // DriverFeaturesSel
  std::uint32_t pending_ = 0;      // InterruptStatus
  std::uint32_t sticky_ = 0;       // its bits that a violation keeps from being acknowledged
};

}  // namespace hypervet::devices
