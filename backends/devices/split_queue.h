// SPDX-License-Identifier: Apache-2.0
// The split virtqueue, 2.7: descriptor table, available ring (driver area), used ring (device
// area). Thread and ownership as virtqueue.h says.
#pragma once

#include "backends/devices/descriptor.h"
#include "backends/devices/virtqueue.h"

namespace hypervet::devices {

class SplitQueue final : public Virtqueue {
 public:
  SplitQueue(const QueueSetup& setup, Dma& dma, QueueOwner& owner) : Virtqueue(setup, dma, owner) {}

 private:
  std::optional<Chain> next() override;
  void rewind(const Chain&) override { --next_available_; }
  bool use(std::span<const Completion> completions) override;

  // At the first look at the ring: is it where a ring may be? The device's own flags are set.
  bool begin();
  std::optional<Chain> read_chain(std::uint16_t head);
  bool read_indirect(const Descriptor& table, Chain& chain, unsigned& length);
  bool notification_wanted(std::uint16_t from, std::size_t entries);

  std::uint64_t avail(std::uint64_t offset) const { return setup().driver + offset; }
  std::uint64_t used(std::uint64_t offset) const { return setup().device + offset; }
  std::uint64_t used_event() const { return avail(4 + 2 * std::uint64_t{size()}); }
  std::uint64_t avail_event() const { return used(4 + 8 * std::uint64_t{size()}); }

  bool begun_ = false;
  std::uint16_t next_available_ = 0;  // as avail.idx counts
  std::uint16_t next_used_ = 0;       // as used.idx counts
};

}  // namespace hypervet::devices
