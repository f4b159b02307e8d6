// SPDX-License-Identifier: Apache-2.0
// The driver's side of one virtqueue while a case is compiled: which descriptors are on their way,
// what was used, and so where the next entry stands and where the next completion will. Owned by
// one compilation.
//
// What the device does is known as far as the case says it: an awaited chain is used, one that a
// case expects not to be used is passed over and stays on its way. A device may use chains in any
// order, so several that are awaited together are told apart by their ids when the case is judged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guest-payloads/protocol/program.h"
#include "harness/program/implied.h"
#include "harness/program/virtio/ring.h"

namespace hypervet::program::virtio {

// Something that was made available and not seen used.
struct Pending {
  std::string chain;  // "": a raw head
  std::uint16_t id = 0;
  std::vector<std::uint16_t> descriptors;  // of the ring that it occupies
  bool passed_over = false;                // a case expected that it is not used
};

// What the driver writes to make something available.
struct Submission {
  std::vector<Store> stores;
  std::uint16_t head = 0;  // of the first copy: its first descriptor
  std::uint16_t id = 0;    // and what the device gives back
};

// A wait for completions.
struct Wait {
  // Memory that tells: `value` under `mask`, two bytes.
  std::uint64_t address = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
  protocol::AwaitRelation relation = protocol::AwaitRelation::kEqual;
  std::optional<std::uint64_t> most;  // split: used.idx may not be greater
  // The elements that the device then has written.
  std::uint64_t from = 0;  // address of the bytes that hold them
  std::uint64_t size = 0;
  UsedElements elements;
  // What it means for the queue.
  std::vector<std::size_t> lengths;  // descriptors of each completion, in the order of submission
  std::size_t completions = 0;
  std::size_t candidates = 0;  // of the pending ones, from the first on
  bool named = false;
};

class Queue {
 public:
  template <typename T>
  using Result = std::expected<T, std::string>;  // an error is one line

  Queue(const Places& places, unsigned size) : places_(places), size_(size) {}
  virtual ~Queue() = default;

  const Places& places() const { return places_; }
  unsigned size() const { return size_; }
  void use_in_order() { in_order_ = true; }  // IN_ORDER was negotiated

  Result<Submission> submit(const std::string& chain, const std::vector<Descriptor>& descriptors,
                            unsigned count);
  // Makes a descriptor available as it is.
  virtual Result<Submission> submit_raw(std::uint16_t head) = 0;
  // What is on its way as `from` is `to` from here on.
  void rename(const std::string& from, const std::string& to);
  // Descriptor `index` was written by hand.
  virtual void written(std::uint16_t index, std::optional<std::uint16_t> flags,
                       std::optional<std::uint16_t> id);
  // The available index was written by hand: what is on its way is not known any more.
  void lose_track() { lost_ = true; }

  // Until the chain is used, with those before it; until so many were used in all.
  Result<Wait> wait_for(const std::string& chain) const;
  Result<Wait> wait_for(std::uint64_t total) const;
  void used(const Wait& wait);         // the case expects that it is reached
  void passed_over(const Wait& wait);  // or that it is not
  // Where completion `at` was written, or will be next.
  Result<Wait> element(std::uint64_t at) const;

  // What NOTIFICATION_DATA tells beside the queue's number, 2.9: bits 16 to 31.
  virtual std::uint16_t notification_data() const = 0;

 protected:
  // The copies' descriptors in the ring, in order.
  virtual Submission lay(const std::vector<Descriptor>& descriptors,
                         std::vector<Pending>& copies) = 0;
  // Completions [first, first + count): what to wait for, and the bytes that hold them.
  virtual Result<Wait> wait(std::uint64_t first, std::uint64_t count,
                            const std::vector<std::size_t>& lengths) const = 0;
  virtual void advance(const std::vector<std::size_t>& lengths, std::size_t completions) = 0;
  virtual void release(const Pending& pending) = 0;

  // Numbers below the queue's size: descriptors of a split ring, ids of a packed one. The lowest
  // free one; there is one.
  std::uint16_t take_number();
  void give_back(std::uint16_t number);

  Places places_;
  unsigned size_;
  bool in_order_ = false;
  bool lost_ = false;
  std::uint64_t submitted_ = 0;  // entries made available
  std::uint64_t completed_ = 0;
  std::vector<Pending> pending_;

 private:
  // Descriptors of each of the first `among` pending ones that is not passed over.
  std::vector<std::size_t> lengths(std::size_t among) const;
  Result<Wait> make_wait(std::vector<std::size_t> of, std::uint64_t completions,
                         std::size_t among) const;
  std::size_t in_use() const;

  // Of the pending ones that are not passed over, so many are used already; which is not known.
  std::size_t some_used_ = 0;
  std::vector<bool> taken_ = std::vector<bool>(size_);
};

std::unique_ptr<Queue> make_queue(bool packed, const Places& places, unsigned size);

}  // namespace hypervet::program::virtio
