// SPDX-License-Identifier: Apache-2.0
// What the compiler knows of the device that a case's program drives, step by step: what was
// negotiated, which queues are set up and where, which chains there are. Owned by one compilation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "guest-payloads/protocol/virtio.h"
#include "harness/program/virtio/chain.h"
#include "harness/program/virtio/queue.h"
#include "harness/spec/clause.h"

namespace hypervet::program::virtio {

// Feature bits that change what a driver does, 6.
inline constexpr unsigned kVersion1 = 32, kRingPacked = 34, kInOrder = 35, kNotificationData = 38,
                          kNotifConfigData = 39;

// Device status bits, 2.1.
inline constexpr std::uint64_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8,
                               kNeedsReset = 64;

// Descriptor fields that a case writes by hand: one store each.
struct RawDescriptor {
  std::uint64_t index = 0;
  std::vector<Store> stores;  // addresses are offsets in the descriptor
  std::optional<std::uint16_t> flags, id;
};

// Room for a queue: its areas keep their places through every set-up.
struct Room {
  Places places;
  unsigned most = 0;  // entries
  bool fresh = true;  // nothing was written there
};

struct Driver {
  explicit Driver(const spec::Binding& binding);

  std::uint64_t device;  // device ID
  bool pci;
  bool packed;
  bool found = false;
  std::uint64_t features = 0;  // accepted
  protocol::VirtioInterrupts interrupts = protocol::VirtioInterrupts::kNone;
  std::size_t interrupts_plan = 0;  // that has set them up, but for kNone
  std::map<unsigned, Room> rooms;
  std::map<unsigned, std::unique_ptr<Queue>> queues;
  std::map<std::string, Chain, std::less<>> chains;

  bool accepted(unsigned feature) const { return (features >> feature & 1) != 0; }
  std::string_view device_word() const;
};

}  // namespace hypervet::program::virtio
