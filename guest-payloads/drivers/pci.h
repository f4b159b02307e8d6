// SPDX-License-Identifier: Apache-2.0
// PCI functions on bus 0: configuration space (by ports, or by ECAM where the command line gives
// it), capabilities, base address registers. Bridges are not crossed: every machine that hypervet
// makes or starts has its virtio device on bus 0.
#pragma once

#include <cstdint>

#include "guest-payloads/drivers/access.h"

namespace hypervet::guest {

// Offsets in the configuration header (PCI Local Bus 3.0, chapter 6) and bits in it.
inline constexpr std::uint64_t kPciVendor = 0x00, kPciDevice = 0x02, kPciCommand = 0x04,
                               kPciStatus = 0x06, kPciRevision = 0x08, kPciHeaderType = 0x0e,
                               kPciBars = 0x10, kPciSubsystemVendor = 0x2c, kPciCapabilities = 0x34,
                               kPciInterruptLine = 0x3c;
inline constexpr std::uint64_t kPciMemory = 1 << 1, kPciBusMaster = 1 << 2, kPciNoIntx = 1 << 10;
inline constexpr unsigned kPciBarCount = 6;

// The first function with that vendor and device; size 0: there is none.
Window find_pci_function(Access& access, std::uint32_t vendor, std::uint32_t device);

// The capabilities of a function in the order of their list; one that runs in a circle ends.
class Capabilities {
 public:
  Capabilities(Access& access, const Window& config);

  // Goes on to the next one with that id; false: there is no other.
  bool next(std::uint8_t id);
  std::uint64_t offset() const { return at_; }
  Place place() const { return config_ + at_; }

 private:
  Access& access_;
  Place config_;
  std::uint64_t at_ = 0;
  std::uint64_t next_ = 0;
  unsigned left_ = (256 - 0x40) / 4;
};

// Sizes all memory BARs and gives an address to those that have none, or one that the identity map
// does not reach; enables memory and bus mastering. Windows of size 0: no memory BAR, or there was
// no room for it.
void settle_bars(Access& access, const Window& config, Window (&bars)[kPciBarCount]);

}  // namespace hypervet::guest
