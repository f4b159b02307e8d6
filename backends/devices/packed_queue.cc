// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/packed_queue.h"

namespace hypervet::devices {
namespace {

// Of event suppression, 2.8.14; `flags` lies behind `desc`.
constexpr std::uint16_t kEventsOn = 0, kEventsOff = 1, kEventAtDescriptor = 2;
constexpr std::uint64_t kEventFlags = 2;
constexpr std::uint16_t kMaxPackedSize = 1 << 15;

}  // namespace

using enum DmaField;

PackedQueue::Place PackedQueue::advanced(Place place, unsigned descriptors) const {
  const unsigned offset = place.offset + descriptors;
  if (offset < size()) return {static_cast<std::uint16_t>(offset), place.wrap};
  return {static_cast<std::uint16_t>(offset - size()), !place.wrap};
}

// Alignments and sizes of 2.8.10.1.
bool PackedQueue::begin() {
  if (begun_) return true;
  const bool good = size() != 0 && size() <= kMaxPackedSize && setup().descriptors % 16 == 0 &&
                    setup().driver % 4 == 0 && setup().device % 4 == 0 &&
                    dma().contains(setup().descriptors, size() * kDescriptorSize) &&
                    dma().contains(setup().driver, 4) && dma().contains(setup().device, 4);
  if (!good) return false;
  begun_ = true;
  return dma().store<std::uint16_t>(kDeviceEventFlags, setup().index, setup().device + kEventFlags,
                                    kEventsOn);
}

bool PackedQueue::available(std::uint16_t flags, bool wrap) const {
  return ((flags & kAvailable) != 0) == wrap && ((flags & kUsed) != 0) != wrap;
}

// Only where the driver puts the next buffer, 2.8.10.
void PackedQueue::want_next_notification() {
  const auto place =
      static_cast<std::uint16_t>(next_available_.offset | next_available_.wrap << 15);
  dma().store<std::uint16_t>(kDeviceEventOffWrap, setup().index, setup().device, place);
  dma().store<std::uint16_t>(kDeviceEventFlags, setup().index, setup().device + kEventFlags,
                             kEventAtDescriptor);
}

std::optional<Chain> PackedQueue::next() {
  if (!begin()) return broken();
  // A driver with the whole ring in the device's hands has no descriptor left to make available.
  if (in_flight() >= size()) return std::nullopt;
  for (bool told = false;; told = true) {
    const auto flags =
        dma().load<std::uint16_t>(kDescFlags, setup().index, address(next_available_) + 14);
    if (!flags) return broken();
    if (available(*flags, next_available_.wrap)) break;
    if (told || !negotiated(kEventIdx)) return std::nullopt;
    want_next_notification();  // and look again: a buffer may have come meanwhile
  }
  auto chain = read_chain();
  if (!chain) return broken();
  next_available_ = advanced(next_available_, chain->descriptors);
  return chain;
}

void PackedQueue::rewind(const Chain& chain) {
  const unsigned back = size() - chain.descriptors;
  next_available_ = advanced(next_available_, back);
  next_available_.wrap = !next_available_.wrap;
}

std::optional<Chain> PackedQueue::read_chain() {
  Chain chain;
  Place at = next_available_;
  for (;; at = advanced(at, 1)) {
    // A list that runs into descriptors in flight, or around the ring, is longer than allowed.
    if (in_flight() + ++chain.descriptors > size()) return std::nullopt;
    const auto descriptor = load_packed(dma(), setup().index, address(at), false);
    if (!descriptor || !available(descriptor->flags, at.wrap)) return std::nullopt;
    chain.id = descriptor->next;  // the last one's counts, 2.8.6
    if ((descriptor->flags & kIndirect) != 0) {
      // Alone in its list, 2.8.19.
      const bool alone = chain.descriptors == 1 && (descriptor->flags & kNext) == 0;
      const bool good = alone && negotiated(kIndirectDesc) && read_indirect(*descriptor, chain);
      if (!good) return std::nullopt;
      return chain;
    }
    const bool writable = (descriptor->flags & kWrite) != 0;
    if (!append(chain, {descriptor->address, descriptor->length}, writable)) return std::nullopt;
    if ((descriptor->flags & kNext) == 0) return chain;
  }
}

// All entries in their order; WRITE is the only flag that counts (2.8.8).
bool PackedQueue::read_indirect(const Descriptor& table, Chain& chain) {
  const std::uint64_t entries = table.length / kDescriptorSize;
  if (entries == 0 || table.length % kDescriptorSize != 0 || entries > size()) return false;
  if (!dma().contains(table.address, table.length)) return false;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto descriptor =
        load_packed(dma(), setup().index, table.address + i * kDescriptorSize, true);
    if (!descriptor) return false;
    const bool writable = (descriptor->flags & kWrite) != 0;
    if (!append(chain, {descriptor->address, descriptor->length}, writable)) return false;
  }
  return true;
}

// The first descriptor's flags come last: the driver looks at no other before it.
bool PackedQueue::use(std::span<const Completion> completions) {
  const Place first = next_used_;
  unsigned descriptors = completions.front().descriptors;
  for (const Completion& one : completions.subspan(1)) {
    write_used(advanced(first, descriptors), one);
    descriptors += one.descriptors;
  }
  write_used(first, completions.front());
  next_used_ = advanced(first, descriptors);
  return notification_wanted(first, descriptors);
}

void PackedQueue::write_used(const Place& place, const Completion& completion) {
  const std::uint64_t at = address(place);
  dma().store<std::uint32_t>(kDescLen, setup().index, at + 8, completion.written);
  dma().store<std::uint16_t>(kDescId, setup().index, at + 12, completion.id);
  const unsigned flags =
      (place.wrap ? kAvailable | kUsed : 0u) | (completion.written != 0 ? kWrite : 0u);
  dma().store<std::uint16_t>(kDescFlags, setup().index, at + 14, static_cast<std::uint16_t>(flags));
}

bool PackedQueue::notification_wanted(const Place& from, unsigned descriptors) {
  const auto flags =
      dma().load<std::uint16_t>(kDriverEventFlags, setup().index, setup().driver + kEventFlags);
  const auto place = dma().load<std::uint16_t>(kDriverEventOffWrap, setup().index, setup().driver);
  if (!flags || !place || (*flags & 3) == kEventsOff) return false;
  // Without EVENT_IDX the value is not valid: a notification too many does no harm.
  if ((*flags & 3) != kEventAtDescriptor || !negotiated(kEventIdx)) return true;
  const unsigned offset = *place & 0x7fffu;
  if (offset >= size()) return false;
  const unsigned distance = (offset + size() - from.offset) % size();
  if (distance >= descriptors) return false;
  return advanced(from, distance).wrap == (*place >> 15 != 0);
}

}  // namespace hypervet::devices
