// SPDX-License-Identifier: Apache-2.0
// The device's side of a virtqueue, split (2.7) or packed (2.8), as a device uses it: take a chain,
// read its readable part, write its writable part, give it back with the number of bytes written.
//
// Everything in the ring is guest-controlled. A ring that breaks the rules (bad index, loop, chain
// longer than the queue, wrong nesting, avail.idx too far ahead) breaks the queue: the owner is
// told once, take() yields nothing until the queue is reset, and guest memory outside buffers and
// ring is never touched. Buffers that lie outside RAM are found when they are used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hypervet::devices {

// A piece of a buffer, as its descriptor says; not yet known to be RAM.
struct Segment {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
};

// One buffer of the driver: a chain of descriptors, taken and not yet given back.
struct Chain {
  std::uint16_t id = 0;           // split: index of the head; packed: buffer ID
  std::uint16_t descriptors = 0;  // of the ring that it occupies (an indirect one: 1)
  std::vector<Segment> readable;  // in order; at most kMaxSegments together
  std::vector<Segment> writable;
  std::uint64_t readable_size() const;
  std::uint64_t writable_size() const;
};
inline constexpr std::size_t kMaxSegments = 1024;

class Queue {
 public:
  // A chain of this queue that is done, with the bytes written into it.
  struct Done {
    const Chain* chain = nullptr;
    std::uint32_t written = 0;
  };

  virtual ~Queue() = default;

  // Set up and enabled by the driver, and not broken.
  virtual bool usable() const = 0;
  virtual std::uint16_t size() const = 0;
  // The next available chain. nullopt: none, or the queue is not usable.
  virtual std::optional<Chain> take() = 0;
  // Makes the chain used with `written` bytes in its writable part (2.7.8, 2.8.7) and interrupts
  // the driver if it wants that (2.7.7, 2.8.10). In the order of take() where IN_ORDER was
  // negotiated.
  virtual void give_back(const Chain& chain, std::uint32_t written) = 0;
  // Makes all of them used in one step, in this order: the driver sees none or all (a frame in
  // several receive buffers, 5.1.9.4.1). A queue whose driver runs meanwhile must override it.
  virtual void give_back_together(std::span<const Done> chains) {
    for (const Done& each : chains) give_back(*each.chain, each.written);
  }
  // Puts the chain back as if it had not been taken; the last taken first.
  virtual void untake(const Chain& chain) = 0;

  // Copies from the readable, or to the writable part of a chain, from that offset on. Returns the
  // bytes copied: fewer than asked for where the part ends or a segment is not RAM.
  virtual std::size_t read(const Chain& chain, std::uint64_t offset,
                           std::span<std::uint8_t> to) = 0;
  virtual std::size_t write(const Chain& chain, std::uint64_t offset,
                            std::span<const std::uint8_t> from) = 0;
};

}  // namespace hypervet::devices
