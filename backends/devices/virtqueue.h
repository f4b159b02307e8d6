// SPDX-License-Identifier: Apache-2.0
// What split and packed rings share: the driver's setup of a queue, buffers, the order of
// completions, and breaking. The ring itself is split_queue or packed_queue.
//
// Owned by the transport, which makes one when the driver enables the queue and drops it when the
// queue or the device is reset. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "backends/devices/device.h"
#include "backends/devices/dma.h"
#include "backends/devices/queue.h"

namespace hypervet::devices {

// As the driver set it up. Addresses are guest-controlled and of nothing known.
struct QueueSetup {
  unsigned index = 0;
  std::uint16_t size = 0;
  std::uint64_t descriptors = 0;  // descriptor area
  std::uint64_t driver = 0;       // driver area: available ring, or driver event suppression
  std::uint64_t device = 0;       // device area: used ring, or device event suppression
  std::uint64_t features = 0;     // that were negotiated
};

// Whom a queue tells. It must outlive the queue, and not drop it from within a call.
class QueueOwner {
 public:
  virtual ~QueueOwner() = default;
  virtual void queue_broken(unsigned index) = 0;
  // A buffer was used. `wanted`: the driver has not suppressed the notification (2.7.7, 2.8.10).
  virtual void buffer_used(unsigned index, bool wanted) = 0;
};

class Virtqueue : public Queue {
 public:
  bool usable() const override { return !broken_; }
  std::uint16_t size() const override { return setup_.size; }
  std::optional<Chain> take() override;
  void give_back(const Chain& chain, std::uint32_t written) override;
  void give_back_together(std::span<const Done> chains) override;
  void untake(const Chain& chain) override;
  std::size_t read(const Chain& chain, std::uint64_t offset, std::span<std::uint8_t> to) override;
  std::size_t write(const Chain& chain, std::uint64_t offset,
                    std::span<const std::uint8_t> from) override;

 protected:
  Virtqueue(const QueueSetup& setup, Dma& dma, QueueOwner& owner)
      : setup_(setup), dma_(dma), owner_(owner) {}

  struct Completion {
    std::uint16_t id = 0;
    std::uint16_t descriptors = 0;
    std::uint32_t written = 0;
    bool done = false;
  };

  // The ring's part.
  virtual std::optional<Chain> next() = 0;      // takes
  virtual void rewind(const Chain& chain) = 0;  // takes back
  // Writes what is used, so that the driver sees all or none; is a notification wanted?
  virtual bool use(std::span<const Completion> completions) = 0;

  const QueueSetup& setup() const { return setup_; }
  Dma& dma() { return dma_; }
  bool negotiated(unsigned feature) const { return (setup_.features & bit(feature)) != 0; }
  // Ring slots (packed) or heads (split) that are taken and not yet given back.
  unsigned in_flight() const { return in_flight_; }
  // The ring breaks the rules; answers nothing, so that callers can return it.
  std::nullopt_t broken();

  // Puts a descriptor's piece where it belongs in the chain. False: readable behind writable, or
  // too many pieces.
  static bool append(Chain& chain, const Segment& segment, bool writable);

 private:
  QueueSetup setup_;
  Dma& dma_;
  QueueOwner& owner_;
  bool broken_ = false;
  unsigned in_flight_ = 0;
  std::deque<Completion> order_;  // only with IN_ORDER: what was taken, oldest first
};

// The ring that the features say.
std::unique_ptr<Virtqueue> make_virtqueue(const QueueSetup& setup, Dma& dma, QueueOwner& owner);

}  // namespace hypervet::devices
