// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/packed_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

namespace hypervet::program::virtio {
namespace {

constexpr std::uint64_t kFlags = 14;  // offset in a descriptor

// What makes a descriptor available at a place with that wrap counter, 2.8.1.
std::uint16_t available(bool wrap) { return wrap ? kAvailable : kUsedFlag; }

}  // namespace

PackedQueue::Place PackedQueue::moved(Place place, std::size_t by) const {
  const std::size_t to = place.slot + by;
  if ((to / size_) % 2 != 0) place.wrap = !place.wrap;
  place.slot = static_cast<unsigned>(to % size_);
  return place;
}

// The flags of the first descriptor come last: all behind it is there by then, 2.8.21.
Submission PackedQueue::lay(const std::vector<Descriptor>& descriptors,
                            std::vector<Pending>& copies) {
  Stores stores;
  const Place first = next_;
  std::uint16_t first_flags = 0;
  for (Pending& copy : copies) {
    copy.id = take_number();
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const bool last = i + 1 == descriptors.size();
      const auto flags = static_cast<std::uint16_t>(descriptors[i].flags | (last ? 0 : kNext) |
                                                    available(next_.wrap));
      const DescriptorBytes bytes = packed_descriptor(descriptors[i], flags, copy.id);
      const bool is_first = &copy == copies.data() && i == 0;
      if (is_first) first_flags = flags;
      stores.put(address(next_), std::span(bytes).first(is_first ? kFlags : bytes.size()));
      copy.descriptors.push_back(static_cast<std::uint16_t>(next_.slot));
      next_ = moved(next_, 1);
    }
  }
  stores.publish(address(first) + kFlags, first_flags);
  return {stores.take(), 0, 0};
}

void PackedQueue::written(std::uint16_t index, std::optional<std::uint16_t> flags,
                          std::optional<std::uint16_t> id) {
  if (flags) raw_[index].flags = *flags;
  if (id) raw_[index].id = *id;
}

Queue::Result<Submission> PackedQueue::submit_raw(std::uint16_t head) {
  if (head != next_.slot)
    return std::unexpected(
        fmt::format("a packed ring is filled in order: the next descriptor is {}", next_.slot));
  Stores stores;
  const Place first = next_;
  const std::uint16_t id = raw_[head].id;
  std::uint16_t length = 0;
  // As far as the flags that were written lead; a chain without an end ends with the ring.
  bool goes_on = true;
  while (goes_on && length < size_) {
    const auto slot = static_cast<std::uint16_t>(next_.slot);
    goes_on = (raw_[slot].flags & kNext) != 0;
    if (length != 0)
      stores.put(address(next_) + kFlags,
                 word_bytes(static_cast<std::uint16_t>(raw_[slot].flags | available(next_.wrap))));
    next_ = moved(next_, 1);
    ++length;
  }
  stores.publish(address(first) + kFlags,
                 static_cast<std::uint16_t>(raw_[head].flags | available(first.wrap)));
  ++submitted_;
  Pending pending{"", id, {}, false};
  pending.descriptors.resize(length);
  pending_.push_back(std::move(pending));
  return Submission{stores.take(), head, id};
}

std::uint16_t PackedQueue::notification_data() const {
  return static_cast<std::uint16_t>(next_.slot | (next_.wrap ? 0x8000 : 0));
}

Queue::Result<Wait> PackedQueue::wait(std::uint64_t first, std::uint64_t count,
                                      const std::vector<std::size_t>& lengths) const {
  if (first < completions_.size()) {
    Wait wait;
    const Place& place = completions_[first];
    wait.address = address(place) + kFlags;
    wait.mask = kAvailable | kUsedFlag;
    wait.value = place.wrap ? wait.mask : 0;
    wait.from = address(place);
    wait.size = kDescriptorSize;
    wait.elements.packed = true;
    wait.elements.offsets = {0};
    return wait;
  }
  const bool alike = std::ranges::adjacent_find(lengths, std::not_equal_to()) == lengths.end();
  if (count > 1 && !alike && !in_order_)
    return std::unexpected(
        "chains of different lengths are on their way: where the device writes the last of them "
        "depends on its order; await them one by one");
  std::vector<Place> places;
  Place place = device_;
  for (std::uint64_t i = 0; i < count; ++i) {
    places.push_back(place);
    place = moved(place, lengths[i]);
  }
  Wait wait;
  wait.address = address(places.back()) + kFlags;
  wait.mask = kAvailable | kUsedFlag;
  wait.value = places.back().wrap ? wait.mask : 0;
  wait.elements.packed = true;
  const bool whole = places.back().slot < places.front().slot;
  wait.from = whole ? places_.desc : address(places.front());
  wait.size = whole ? kDescriptorSize * std::uint64_t{size_}
                    : address(places.back()) + kDescriptorSize - wait.from;
  for (const Place& each : places) wait.elements.offsets.push_back(address(each) - wait.from);
  return wait;
}

void PackedQueue::advance(const std::vector<std::size_t>& lengths, std::size_t completions) {
  for (std::size_t i = 0; i < completions; ++i) {
    completions_.push_back(device_);
    device_ = moved(device_, lengths[i]);
  }
}

}  // namespace hypervet::program::virtio
