// SPDX-License-Identifier: Apache-2.0
// How devices are reached: places, and accesses under the fault guard. Every width is one access of
// that width, as a device may tell them apart.
#pragma once

#include <cstdint>

#include "guest-payloads/runtime/guard.h"

namespace hypervet::guest {

// Where something of a device is: in memory, or in PCI configuration space behind the ports.
struct Place {
  enum class Kind : std::uint8_t { kNowhere, kMemory, kConfigPorts };
  Kind kind = Kind::kNowhere;
  std::uint64_t address = 0;  // kConfigPorts: CONFIG_ADDRESS, with the offset to the byte

  Place operator+(std::uint64_t offset) const { return {kind, address + offset}; }
};

// A stretch of a device.
struct Window {
  Place start;
  std::uint64_t size = 0;

  // Can one access of that width be made there? Through the ports none crosses a double word.
  bool holds(std::uint64_t offset, unsigned width) const {
    if (offset >= size || width > size - offset) return false;
    return start.kind != Place::Kind::kConfigPorts || (offset & 3) + width <= 4;
  }
};

// Accesses in a row. After one that faulted, loads give 0 and stores do nothing, so that a driver
// is written straight on and its caller asks once at the end.
class Access {
 public:
  std::uint64_t load(const Place& place, unsigned width);
  void store(const Place& place, unsigned width, std::uint64_t value);

  bool faulted() const { return faulted_; }
  const Guard& guard() const { return guard_; }  // holds the fault, if there was one

 private:
  std::uint64_t load_again(std::uint64_t address, unsigned width);
  void store_again(std::uint64_t address, unsigned width, std::uint64_t value);

  bool faulted_ = false;
  Guard guard_;
};

}  // namespace hypervet::guest
