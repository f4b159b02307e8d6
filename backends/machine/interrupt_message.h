// SPDX-License-Identifier: Apache-2.0
// An interrupt on its way to local APICs: what an ICR write, an MSI and an IOAPIC pin all come down
// to (Intel SDM vol. 3, 11.6.1 and 11.11). Plain values.
#pragma once

#include <cstdint>

namespace hypervet::machine {

enum class DeliveryMode : std::uint8_t {
  fixed = 0,
  lowest_priority = 1,
  smi = 2,
  nmi = 4,
  init = 5,
  startup = 6,
  external = 7,
};

enum class Shorthand : std::uint8_t { none = 0, self = 1, all = 2, others = 3 };

// Who raised it; declared violations pick by this.
enum class Origin : std::uint8_t { ipi, timer, local, ioapic, msi };

inline constexpr std::uint32_t kBroadcastXapic = 0xff;
inline constexpr std::uint32_t kBroadcastX2apic = 0xffff'ffff;

struct InterruptMessage {
  DeliveryMode mode = DeliveryMode::fixed;
  std::uint8_t vector = 0;
  bool logical = false;  // destination mode
  bool level = false;    // trigger mode
  Shorthand shorthand = Shorthand::none;
  std::uint32_t destination = 0;  // 8 bits in xAPIC format unless sent by an x2APIC
  bool wide = false;              // destination has 32 bits (sent by an x2APIC)
  Origin origin = Origin::ipi;
};

// Address 0xfeexxxxx and data of a message-signalled interrupt (11.11.1, 11.11.2).
inline InterruptMessage decode_msi(std::uint64_t address, std::uint32_t data) {
  return {.mode = static_cast<DeliveryMode>((data >> 8) & 7),
          .vector = static_cast<std::uint8_t>(data),
          .logical = ((address >> 2) & 1) != 0,
          .level = ((data >> 15) & 1) != 0,
          .destination = static_cast<std::uint32_t>((address >> 12) & 0xff),
          .origin = Origin::msi};
}

}  // namespace hypervet::machine
