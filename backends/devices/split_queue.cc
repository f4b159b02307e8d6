// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/split_queue.h"

#include <bit>

namespace hypervet::devices {

using enum DmaField;

// Alignments and sizes of 2.7; a size that is no power of two is no split queue's.
bool SplitQueue::begin() {
  if (begun_) return true;
  const std::uint64_t event = negotiated(kEventIdx) ? 2 : 0;
  const std::uint64_t entries = size();
  const bool good = std::has_single_bit(size()) && setup().descriptors % 16 == 0 &&
                    setup().driver % 2 == 0 && setup().device % 4 == 0 &&
                    dma().contains(setup().descriptors, entries * kDescriptorSize) &&
                    dma().contains(setup().driver, 4 + 2 * entries + event) &&
                    dma().contains(setup().device, 4 + 8 * entries + event);
  if (!good) return false;
  begun_ = true;
  // Every notification is welcome: 0 also with EVENT_IDX (2.7.10.2).
  return dma().store<std::uint16_t>(kUsedFlags, setup().index, used(0), 0);
}

std::optional<Chain> SplitQueue::next() {
  if (!begin()) return broken();
  for (bool told = false;; told = true) {
    const auto index = dma().load<std::uint16_t>(kAvailIdx, setup().index, avail(2));
    if (!index) return broken();
    // There are as many heads as descriptors: more cannot be available or in flight.
    const auto outstanding = static_cast<std::uint16_t>(*index - next_used_);
    const auto waiting = static_cast<std::uint16_t>(*index - next_available_);
    if (outstanding > size() || waiting > size()) return broken();
    if (waiting != 0) break;
    if (told || !negotiated(kEventIdx)) return std::nullopt;
    // Ask for the next notification, then look again: a buffer may have come meanwhile.
    dma().store<std::uint16_t>(kAvailEvent, setup().index, avail_event(), next_available_);
  }
  const std::uint64_t slot = next_available_ & (size() - 1u);
  const auto head = dma().load<std::uint16_t>(kAvailRing, setup().index, avail(4 + 2 * slot));
  if (!head) return broken();
  auto chain = read_chain(*head);
  if (!chain) return broken();
  ++next_available_;
  return chain;
}

std::optional<Chain> SplitQueue::read_chain(std::uint16_t head) {
  Chain chain{.id = head, .descriptors = 1, .readable = {}, .writable = {}};
  std::uint16_t at = head;
  for (unsigned length = 1;; ++length) {
    // A chain longer than the queue is a loop, or forbidden (2.7.5.3.1).
    if (at >= size() || length > size()) return std::nullopt;
    const auto descriptor =
        load_split(dma(), setup().index, setup().descriptors + at * kDescriptorSize, false);
    if (!descriptor) return std::nullopt;
    if ((descriptor->flags & kIndirect) != 0) {
      const bool allowed = negotiated(kIndirectDesc) && (descriptor->flags & kNext) == 0;
      --length;  // the table's entries count, not the descriptor that refers to it
      if (!allowed || !read_indirect(*descriptor, chain, length)) return std::nullopt;
      return chain;
    }
    const bool writable = (descriptor->flags & kWrite) != 0;
    if (!append(chain, {descriptor->address, descriptor->length}, writable)) return std::nullopt;
    if ((descriptor->flags & kNext) == 0) return chain;
    at = descriptor->next;
  }
}

// `length` is of the chain so far. Whether the table may be written is of no meaning (2.7.5.3.2).
bool SplitQueue::read_indirect(const Descriptor& table, Chain& chain, unsigned& length) {
  if (table.length == 0 || table.length % kDescriptorSize != 0) return false;
  if (!dma().contains(table.address, table.length)) return false;
  const std::uint64_t entries = table.length / kDescriptorSize;
  for (std::uint64_t at = 0;;) {
    if (at >= entries || ++length > size()) return false;
    const auto descriptor =
        load_split(dma(), setup().index, table.address + at * kDescriptorSize, true);
    if (!descriptor || (descriptor->flags & kIndirect) != 0) return false;
    const bool writable = (descriptor->flags & kWrite) != 0;
    if (!append(chain, {descriptor->address, descriptor->length}, writable)) return false;
    if ((descriptor->flags & kNext) == 0) return true;
    at = descriptor->next;
  }
}

bool SplitQueue::use(std::span<const Completion> completions) {
  const std::uint16_t from = next_used_;
  for (const Completion& one : completions) {
    const std::uint64_t entry = used(4 + 8 * std::uint64_t{next_used_++ & (size() - 1u)});
    dma().store<std::uint32_t>(kUsedId, setup().index, entry, one.id);
    dma().store<std::uint32_t>(kUsedLen, setup().index, entry + 4, one.written);
  }
  dma().store<std::uint16_t>(kUsedIdx, setup().index, used(2), next_used_);
  return notification_wanted(from, completions.size());
}

// 2.7.7.2.
bool SplitQueue::notification_wanted(std::uint16_t from, std::size_t entries) {
  if (negotiated(kEventIdx)) {
    const auto event = dma().load<std::uint16_t>(kUsedEvent, setup().index, used_event());
    return event && static_cast<std::uint16_t>(*event - from) < entries;
  }
  const auto flags = dma().load<std::uint16_t>(kAvailFlags, setup().index, avail(0));
  return flags && (*flags & 1) == 0;
}

}  // namespace hypervet::devices
