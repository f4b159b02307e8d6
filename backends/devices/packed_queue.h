// SPDX-License-Identifier: Apache-2.0
// The packed virtqueue, 2.8: one ring of descriptors that both sides write, and two structures of
// event suppression. Thread and ownership as virtqueue.h says.
#pragma once

#include "backends/devices/descriptor.h"
#include "backends/devices/virtqueue.h"

namespace hypervet::devices {

class PackedQueue final : public Virtqueue {
 public:
  PackedQueue(const QueueSetup& setup, Dma& dma, QueueOwner& owner)
      : Virtqueue(setup, dma, owner) {}

 private:
  // A place in the ring with the wrap counter there, 2.8.1.
  struct Place {
    std::uint16_t offset = 0;
    bool wrap = true;
  };

  std::optional<Chain> next() override;
  void rewind(const Chain& chain) override;
  bool use(std::span<const Completion> completions) override;

  void write_used(const Place& place, const Completion& completion);
  bool begin();
  bool available(std::uint16_t flags, bool wrap) const;
  void want_next_notification();
  std::optional<Chain> read_chain();
  bool read_indirect(const Descriptor& table, Chain& chain);
  bool notification_wanted(const Place& from, unsigned descriptors);
  Place advanced(Place place, unsigned descriptors) const;
  std::uint64_t address(const Place& place) const {
    return setup().descriptors + place.offset * kDescriptorSize;
  }

  bool begun_ = false;
  Place next_available_;
  Place next_used_;
};

}  // namespace hypervet::devices
