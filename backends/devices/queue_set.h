// SPDX-License-Identifier: Apache-2.0
// The queues of one device as both transports have them: the registers of each, and the ring that
// is made of them when it is first used. Owned by the transport; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/devices/virtqueue.h"

namespace hypervet::devices {

inline constexpr std::uint16_t kNoVector = 0xffff;  // 4.1.5.1.2

// What the driver set. Guest-controlled.
struct QueueRegisters {
  std::uint16_t size = 0;
  bool enabled = false;
  std::uint64_t descriptors = 0;
  std::uint64_t driver = 0;
  std::uint64_t device = 0;
  std::uint16_t vector = kNoVector;  // PCI
};

class QueueSet {
 public:
  // `size_limit` caps what the device would take: a variant with small queues.
  QueueSet(const Device& device, std::uint16_t size_limit, Dma& dma, QueueOwner& owner);

  unsigned count() const { return static_cast<unsigned>(queues_.size()); }
  std::uint16_t size_max(unsigned index) const;
  // nullptr: no such queue.
  const QueueRegisters* registers(unsigned index) const {
    return index < count() ? &queues_[index].registers : nullptr;
  }
  // While it is not enabled a queue's registers may be set. A size that the device does not take,
  // or that a split ring cannot have, changes nothing.
  QueueRegisters* settable(unsigned index);
  void set_size(unsigned index, std::uint64_t size, bool packed);
  void enable(unsigned index);
  // The ring is gone, what the driver set stays.
  void disable(unsigned index);
  // Back to how the queue was at power-on, vector included.
  void reset(unsigned index);
  void reset_all();
  void set_vector(unsigned index, std::uint16_t vector) {
    if (index < count()) queues_[index].registers.vector = vector;
  }

  // The ring of an enabled queue, for a driver that negotiated these features; nullptr: not
  // enabled.
  Virtqueue* ring(unsigned index, std::uint64_t features);

 private:
  struct One {
    std::uint16_t size_max = 0;
    QueueRegisters registers;
    std::unique_ptr<Virtqueue> ring;
  };
  Dma& dma_;
  QueueOwner& owner_;
  std::vector<One> queues_;
};

}  // namespace hypervet::devices
