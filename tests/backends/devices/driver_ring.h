// SPDX-License-Identifier: Apache-2.0
// The driver's side of one virtqueue, for tests: a ring in plain guest memory, split or packed,
// that buffers are made available in and used ones taken from. It notifies nobody.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "backends/devices/descriptor.h"
#include "backends/devices/virtqueue.h"
#include "backends/machine/guest_memory.h"

namespace hypervet::devices::test {

struct Used {
  std::uint32_t id = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;  // packed
};

class DriverRing {
 public:
  // Takes [base, base + bytes()) of the memory for its three areas.
  DriverRing(machine::GuestMemory& memory, std::uint64_t base, std::uint16_t size, bool packed)
      : memory_(memory), base_(base), size_(size), packed_(packed) {
    for (std::uint16_t i = 0; i < size; ++i)
      free_.push_back(static_cast<std::uint16_t>(size - 1 - i));
    memory_.fill(base, bytes(), 0);
  }
  std::uint64_t bytes() const { return device() + 4096 - base_; }
  std::uint64_t descriptors() const { return base_; }
  std::uint64_t driver() const { return base_ + (size_ * std::uint64_t{16} + 4095) / 4096 * 4096; }
  std::uint64_t device() const {
    return driver() + (size_ * std::uint64_t{2} + 6 + 4095) / 4096 * 4096;
  }
  std::uint16_t size() const { return size_; }
  bool packed() const { return packed_; }
  QueueSetup setup(unsigned index, std::uint64_t features) const {
    if (packed_) features |= bit(kRingPacked);
    return {index, size_, descriptors(), driver(), device(), features};
  }

  template <typename T>
  T get(std::uint64_t at) const {
    return *memory_.load<T>(at);
  }
  template <typename T>
  void put(std::uint64_t at, T value) {
    memory_.store<T>(at, value);
  }

  // One raw descriptor; `last` is `next`, or the buffer ID of a packed one.
  void describe(std::uint64_t table, unsigned at, const Segment& segment, std::uint16_t flags,
                std::uint16_t last) {
    const std::uint64_t where = table + 16 * std::uint64_t{at};
    put(where, segment.address);
    put(where + 8, segment.length);
    put<std::uint16_t>(where + (packed_ ? 14 : 12), flags);
    put<std::uint16_t>(where + (packed_ ? 12 : 14), last);
  }

  // Makes one chain available, a descriptor each. Answers its head or buffer ID.
  std::uint16_t submit(const std::vector<Segment>& readable, const std::vector<Segment>& writable) {
    std::vector<std::pair<Segment, std::uint16_t>> parts;
    for (const Segment& one : readable) parts.emplace_back(one, std::uint16_t{0});
    for (const Segment& one : writable) parts.emplace_back(one, kWrite);
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) parts[i].second |= kNext;
    return packed_ ? submit_packed(parts) : submit_split(parts);
  }
  // The same through an indirect table at `table`.
  std::uint16_t submit_indirect(std::uint64_t table, const std::vector<Segment>& readable,
                                const std::vector<Segment>& writable) {
    const auto count = static_cast<unsigned>(readable.size() + writable.size());
    for (unsigned i = 0; i < count; ++i) {
      const bool write = i >= readable.size();
      const auto flags = static_cast<std::uint16_t>((write ? kWrite : 0u) |
                                                    (!packed_ && i + 1 < count ? kNext : 0u));
      describe(table, i, write ? writable[i - readable.size()] : readable[i], flags,
               static_cast<std::uint16_t>(packed_ ? 0 : i + 1));
    }
    const std::pair<Segment, std::uint16_t> one{{table, count * 16}, kIndirect};
    return packed_ ? submit_packed({one}) : submit_split({one});
  }
  // Split: this head, whatever the table has there.
  void submit_head(std::uint16_t head) {
    const auto index = get<std::uint16_t>(driver() + 2);
    put<std::uint16_t>(driver() + 4 + 2 * std::uint64_t{index} % (2u * size_), head);
    put<std::uint16_t>(driver() + 2, static_cast<std::uint16_t>(index + 1));
  }

  std::optional<Used> take_used() {
    std::optional<Used> used = packed_ ? used_packed() : used_split();
    if (!used) return std::nullopt;
    const auto mine = out_.find(static_cast<std::uint16_t>(used->id));
    if (mine == out_.end()) {
      ADD_FAILURE() << "used, but never made available: " << used->id;
      return used;
    }
    if (packed_) advance(used_offset_, used_wrap_, mine->second.size());
    free_.insert(free_.end(), mine->second.rbegin(), mine->second.rend());
    out_.erase(mine);
    return used;
  }
  std::uint16_t next_offset() const { return offset_; }
  bool next_wrap() const { return wrap_; }

 private:
  using Parts = std::vector<std::pair<Segment, std::uint16_t>>;

  void advance(std::uint16_t& offset, bool& wrap, std::size_t by) const {
    offset = static_cast<std::uint16_t>(offset + by);
    if (offset < size_) return;
    offset = static_cast<std::uint16_t>(offset - size_);
    wrap = !wrap;
  }
  std::vector<std::uint16_t> allocate(std::size_t count) {
    EXPECT_LE(count, free_.size()) << "the test's ring is full";
    std::vector<std::uint16_t> mine;
    for (; mine.size() < count; free_.pop_back()) mine.push_back(free_.back());
    return mine;
  }
  std::uint16_t submit_split(const Parts& parts) {
    const auto mine = allocate(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      describe(base_, mine[i], parts[i].first, parts[i].second,
               i + 1 < mine.size() ? mine[i + 1] : std::uint16_t{0});
    }
    out_[mine[0]] = mine;
    submit_head(mine[0]);
    return mine[0];
  }
  std::uint16_t submit_packed(const Parts& parts) {
    const auto mine = allocate(parts.size());
    const std::uint64_t first = base_ + 16 * std::uint64_t{offset_};
    std::uint16_t first_flags = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto flags = static_cast<std::uint16_t>(parts[i].second | (wrap_ ? kAvailable : kUsed));
      if (i == 0) first_flags = flags;
      describe(base_, offset_, parts[i].first, i == 0 ? get<std::uint16_t>(first + 14) : flags,
               mine[0]);
      advance(offset_, wrap_, 1);
    }
    put(first + 14, first_flags);
    out_[mine[0]] = mine;
    return mine[0];
  }
  std::optional<Used> used_split() {
    if (get<std::uint16_t>(device() + 2) == used_index_) return std::nullopt;
    const std::uint64_t at = device() + 4 + std::uint64_t{8} * (used_index_++ % size_);
    return Used{get<std::uint32_t>(at), get<std::uint32_t>(at + 4), 0};
  }
  std::optional<Used> used_packed() {
    const std::uint64_t at = base_ + 16 * std::uint64_t{used_offset_};
    const auto flags = get<std::uint16_t>(at + 14);
    const bool available = (flags & kAvailable) != 0, used = (flags & kUsed) != 0;
    if (available != used || used != used_wrap_) return std::nullopt;
    return Used{get<std::uint16_t>(at + 12), get<std::uint32_t>(at + 8), flags};
  }

  machine::GuestMemory& memory_;
  std::uint64_t base_;
  std::uint16_t size_;
  bool packed_;
  std::vector<std::uint16_t> free_;
  std::map<std::uint16_t, std::vector<std::uint16_t>> out_;
  std::uint16_t offset_ = 0, used_offset_ = 0, used_index_ = 0;
  bool wrap_ = true, used_wrap_ = true;
};

}  // namespace hypervet::devices::test
