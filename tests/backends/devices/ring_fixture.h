// SPDX-License-Identifier: Apache-2.0
// One queue in plain guest memory with the driver's side of it, and an owner that counts.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "backends/devices/virtqueue.h"
#include "tests/backends/devices/driver_ring.h"

namespace hypervet::devices::test {

class RingTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMemory = 1 << 20;
  struct Owner final : QueueOwner {
    void queue_broken(unsigned) override { ++broken; }
    void buffer_used(unsigned, bool is_wanted) override { ++(is_wanted ? wanted : suppressed); }
    unsigned broken = 0, wanted = 0, suppressed = 0;
  };

  void make(bool packed, std::uint64_t features, std::uint16_t size) {
    queue.reset();
    owner = {};
    ring.emplace(memory, 0x2000, size, packed);
    queue = make_virtqueue(ring->setup(3, features), dma, owner);
  }
  // One or two descriptors, as they are, made available.
  void raw(const Segment& first, std::uint16_t flags, const Segment& second = {},
           std::uint16_t second_flags = 0) {
    const bool packed = ring->packed();
    const unsigned at = packed ? ring->next_offset() : 4;
    const auto bits = static_cast<std::uint16_t>(!packed             ? 0
                                                 : ring->next_wrap() ? kAvailable
                                                                     : kUsed);
    ring->describe(ring->descriptors(), at + 1, second, second_flags | bits,
                   static_cast<std::uint16_t>(at));
    ring->describe(ring->descriptors(), at, first, flags | bits,
                   static_cast<std::uint16_t>(packed ? at : at + 1));
    if (!packed) ring->submit_head(static_cast<std::uint16_t>(at));
  }
  void expect_broken() {
    EXPECT_FALSE(queue->take());
    EXPECT_FALSE(queue->usable());
    EXPECT_EQ(owner.broken, 1u);
  }

  machine::GuestMemory memory{kMemory};
  violations::Interposer interposer;
  Dma dma{memory, interposer, [](std::uint64_t, std::function<void()>) {}};
  Owner owner;
  std::optional<DriverRing> ring;
  std::unique_ptr<Virtqueue> queue;
};

}  // namespace hypervet::devices::test
