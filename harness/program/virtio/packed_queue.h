// SPDX-License-Identifier: Apache-2.0
// A packed virtqueue (virtio 1.4, 2.8) as its driver fills it. See queue.h.
#pragma once

#include <map>

#include "harness/program/virtio/queue.h"

namespace hypervet::program::virtio {

class PackedQueue final : public Queue {
 public:
  using Queue::Queue;
  Result<Submission> submit_raw(std::uint16_t head) override;
  void written(std::uint16_t index, std::optional<std::uint16_t> flags,
               std::optional<std::uint16_t> id) override;
  std::uint16_t notification_data() const override;

 protected:
  Submission lay(const std::vector<Descriptor>& descriptors, std::vector<Pending>& copies) override;
  Result<Wait> wait(std::uint64_t first, std::uint64_t count,
                    const std::vector<std::size_t>& lengths) const override;
  void advance(const std::vector<std::size_t>& lengths, std::size_t completions) override;
  void release(const Pending& pending) override { give_back(pending.id); }

 private:
  // A slot of the ring and the wrap counter there; both sides begin at 0 with 1.
  struct Place {
    unsigned slot = 0;
    bool wrap = true;
  };
  Place moved(Place place, std::size_t by) const;
  std::uint64_t address(const Place& place) const {
    return places_.desc + kDescriptorSize * place.slot;
  }
  struct Raw {
    std::uint16_t flags = 0;
    std::uint16_t id = 0;
  };

  Place next_;                      // where the driver writes next
  Place device_;                    // where the device writes the next used descriptor
  std::vector<Place> completions_;  // where it wrote those that were awaited
  std::map<std::uint16_t, Raw> raw_;
};

}  // namespace hypervet::program::virtio
