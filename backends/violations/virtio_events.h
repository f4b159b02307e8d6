// SPDX-License-Identifier: Apache-2.0
// What passes the seams of a virtio device: its registers, its configuration, what it reads and
// writes in guest memory, its notifications and its interrupts, as plain values. Names are those of
// virtio 1.4 and protocol/virtio.h. No thread has a claim on them.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "guest-payloads/protocol/virtio.h"

namespace hypervet::violations {

// --- Guest memory
// ------------------------------------------------------------------------------------------------

// A field of a ring, or the bytes of a buffer.
enum class DmaField : std::uint8_t {
  // Split: written by the device, 2.7.8.
  kUsedFlags,
  kUsedIdx,
  kUsedId,
  kUsedLen,
  kAvailEvent,
  // Split: written by the driver, 2.7.6.
  kAvailFlags,
  kAvailIdx,
  kAvailRing,
  kUsedEvent,
  // A descriptor, split (2.7.5) or packed (2.8.13).
  kDescAddr,
  kDescLen,
  kDescFlags,
  kDescNext,
  kDescId,
  // The same of an indirect table.
  kIndirectAddr,
  kIndirectLen,
  kIndirectFlags,
  kIndirectNext,
  // Packed: event suppression, 2.8.14.
  kDriverEventOffWrap,
  kDriverEventFlags,
  kDeviceEventOffWrap,
  kDeviceEventFlags,
  kBuffer,
};

inline constexpr std::string_view kDmaFieldNames[] = {
    "used.flags",
    "used.idx",
    "used.id",
    "used.len",
    "avail-event",
    "avail.flags",
    "avail.idx",
    "avail.ring",
    "used-event",
    "desc.addr",
    "desc.len",
    "desc.flags",
    "desc.next",
    "desc.id",
    "indirect.addr",
    "indirect.len",
    "indirect.flags",
    "indirect.next",
    "driver-event.off-wrap",
    "driver-event.flags",
    "device-event.off-wrap",
    "device-event.flags",
    "buffer",
};
constexpr std::string_view name_of(DmaField field) {
  return kDmaFieldNames[static_cast<unsigned>(field)];
}

struct DmaContext {
  DmaField field = DmaField::kBuffer;
  unsigned queue = 0;
};

// A write of the device's. Of a ring's field: its bytes, little-endian; of a buffer: what one
// request of the device writes into one segment.
struct DmaWrite {
  std::uint64_t address = 0;
  std::vector<std::uint8_t> bytes{};
  bool drop = false;
  bool hold = false;                  // not now: when a field was written that should come later
  std::vector<std::uint8_t> spill{};  // written behind `behind`
  std::uint64_t behind = 0;           // end of the field, or of the writable segment
  bool operator==(const DmaWrite&) const = default;
};

// --- Registers and configuration
// ---------------------------------------------------------------------------------

// How far the driver has brought the device, by its status.
enum class Phase : std::uint8_t { kReset, kFeaturesOk, kDriverOk };

struct RegisterContext {
  protocol::VirtioRegister reg = protocol::VirtioRegister::kStatus;
  std::uint32_t queue = ~std::uint32_t{0};  // of a queue's register; else none
  bool write = false;
  Phase phase = Phase::kReset;
};

struct RegisterWrite {
  std::uint64_t value = 0;  // the whole register, also where half of it is written
  bool ignore = false;
  auto operator<=>(const RegisterWrite&) const = default;
};

// An access to device configuration or to PCI configuration space; its bytes travel beside it.
struct ConfigContext {
  std::uint64_t offset = 0;
  bool write = false;
  // kPciConfig: the capability that the access lies in, and where it begins.
  std::string_view capability{};
  std::uint64_t capability_begin = 0;
};

// --- Notifications and interrupts
// ---------------------------------------------------------------------------------

struct NotifyContext {
  unsigned queue = 0;
  bool live = false;  // DRIVER_OK is set
};

struct Notify {
  bool drop = false;
  bool never_returns = false;
  bool serve = false;  // although the device is not live
  auto operator<=>(const Notify&) const = default;
};

struct VirtioInterruptContext {
  bool config = false;  // a configuration change; else used buffers
  unsigned queue = 0;
  bool wanted = true;  // the driver has not suppressed it
};

struct VirtioInterrupt {
  bool send = false;
  bool config = false;            // as which of the two
  unsigned repeat = 1;            // that many times
  bool status_unset = false;      // its bit in ISR status or InterruptStatus is not set
  bool status_uncleared = false;  // and is not cleared as the driver clears it
  auto operator<=>(const VirtioInterrupt&) const = default;
};

}  // namespace hypervet::violations
