// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/split_queue.h"

namespace hypervet::program::virtio {
namespace {

constexpr std::uint64_t kElement = 8;  // of the used ring, 2.7.8: le32 id, le32 len
constexpr std::uint64_t kRing = 4;     // offset of the elements in both rings

}  // namespace

void SplitQueue::make_available(std::uint16_t head, Stores& stores) {
  stores.put(places_.driver + kRing + 2 * (avail_index_ % size_), word_bytes(head));
  ++avail_index_;
}

// Descriptors, then ring entries, then the index: 2.7.13.
Submission SplitQueue::lay(const std::vector<Descriptor>& descriptors,
                           std::vector<Pending>& copies) {
  Stores stores;
  for (Pending& copy : copies) {
    for (std::size_t i = 0; i < descriptors.size(); ++i) copy.descriptors.push_back(take_number());
    copy.id = copy.descriptors.front();
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const bool last = i + 1 == descriptors.size();
      const auto flags = static_cast<std::uint16_t>(descriptors[i].flags | (last ? 0 : kNext));
      stores.put(places_.desc + kDescriptorSize * copy.descriptors[i],
                 split_descriptor(descriptors[i], flags, last ? 0 : copy.descriptors[i + 1]));
    }
  }
  for (const Pending& copy : copies) make_available(copy.id, stores);
  publish(stores);
  return {stores.take(), 0, 0};
}

Queue::Result<Submission> SplitQueue::submit_raw(std::uint16_t head) {
  Stores stores;
  make_available(head, stores);
  publish(stores);
  ++submitted_;
  pending_.push_back({"", head, {}, false});
  return Submission{stores.take(), head, head};
}

void SplitQueue::release(const Pending& pending) {
  for (const std::uint16_t each : pending.descriptors) give_back(each);
}

// used.idx runs freely; a case stays far below its wrap, so "at least" is exact.
Queue::Result<Wait> SplitQueue::wait(std::uint64_t first, std::uint64_t count,
                                     const std::vector<std::size_t>&) const {
  Wait wait;
  wait.address = places_.device + 2;
  wait.mask = 0xffff;
  wait.value = first + count;
  wait.relation = protocol::AwaitRelation::kAtLeast;
  wait.most = submitted_;
  const std::uint64_t at = first % size_;
  const bool whole = at + count > size_;
  wait.from = places_.device + kRing + (whole ? 0 : kElement * at);
  wait.size = kElement * (whole ? size_ : count);
  for (std::uint64_t i = 0; i < count; ++i)
    wait.elements.offsets.push_back(kElement * (whole ? (at + i) % size_ : i));
  return wait;
}

}  // namespace hypervet::program::virtio
