// SPDX-License-Identifier: Apache-2.0
// A split virtqueue (virtio 1.4, 2.7) as its driver fills it. See queue.h.
#pragma once

#include "harness/program/virtio/queue.h"

namespace hypervet::program::virtio {

class SplitQueue final : public Queue {
 public:
  using Queue::Queue;
  Result<Submission> submit_raw(std::uint16_t head) override;
  std::uint16_t notification_data() const override { return avail_index_; }

 protected:
  Submission lay(const std::vector<Descriptor>& descriptors, std::vector<Pending>& copies) override;
  Result<Wait> wait(std::uint64_t first, std::uint64_t count,
                    const std::vector<std::size_t>& lengths) const override;
  void advance(const std::vector<std::size_t>&, std::size_t) override {}
  void release(const Pending& pending) override;

 private:
  void make_available(std::uint16_t head, Stores& stores);
  void publish(Stores& stores) const { stores.publish(places_.driver + 2, avail_index_); }

  std::uint16_t avail_index_ = 0;
};

}  // namespace hypervet::program::virtio
