// SPDX-License-Identifier: Apache-2.0
// Where devices are that nothing else tells of: what the command line says (boot/options.h).
#pragma once

#include <cstdint>

namespace hypervet::guest {

inline constexpr unsigned kMaxMmioDevices = 8;
inline constexpr std::uint32_t kLineNotKnown = ~0u;

struct MmioDevice {
  std::uint32_t address = 0;
  std::uint32_t size = 0;
  std::uint32_t gsi = 0;
};

struct DeviceOptions {
  MmioDevice mmio[kMaxMmioDevices];  // virtio_mmio.device=, in the order given
  std::uint32_t mmio_count = 0;
  std::uint32_t ecam = 0;                  // ecam=; 0: configuration space by ports
  std::uint32_t pci_window = 0xe000'0000;  // pci-window=: where BARs may go, up to the I/O APIC
  std::uint32_t pci_line = kLineNotKnown;  // pci-line=
};

// Set once at boot.
inline constinit DeviceOptions device_options;

}  // namespace hypervet::guest
