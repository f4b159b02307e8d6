// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/ring.h"

#include <cstring>

namespace hypervet::program::virtio {
namespace {

template <typename T>
void place(DescriptorBytes& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

DescriptorBytes split_descriptor(const Descriptor& descriptor, std::uint16_t flags,
                                 std::uint16_t next) {
  DescriptorBytes bytes{};
  place(bytes, 0, descriptor.address);
  place(bytes, 8, descriptor.length);
  place(bytes, 12, flags);
  place(bytes, 14, next);
  return bytes;
}

DescriptorBytes packed_descriptor(const Descriptor& descriptor, std::uint16_t flags,
                                  std::uint16_t id) {
  DescriptorBytes bytes{};
  place(bytes, 0, descriptor.address);
  place(bytes, 8, descriptor.length);
  place(bytes, 12, id);
  place(bytes, 14, flags);
  return bytes;
}

std::vector<std::byte> indirect_table(const std::vector<Descriptor>& descriptors, bool packed) {
  std::vector<std::byte> table;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const bool last = i + 1 == descriptors.size();
    const std::uint16_t flags = descriptors[i].flags;
    // A packed table is in order: its descriptors have WRITE alone.
    const DescriptorBytes bytes =
        packed ? packed_descriptor(descriptors[i], flags, 0)
               : split_descriptor(descriptors[i],
                                  static_cast<std::uint16_t>(flags | (last ? 0 : kNext)),
                                  static_cast<std::uint16_t>(last ? 0 : i + 1));
    table.insert(table.end(), bytes.begin(), bytes.end());
  }
  return table;
}

AreaSizes area_sizes(bool packed, unsigned size) {
  const std::uint64_t desc = kDescriptorSize * std::uint64_t{size};
  if (packed) return {desc, 4, 4};
  return {desc, used_event_offset(size) + 2, avail_event_offset(size) + 2};
}

void Stores::append(std::uint64_t address, const std::byte* bytes, std::size_t size) {
  const bool joins = !all_.empty() && !all_.back().at_once &&
                     all_.back().address + all_.back().bytes.size() == address;
  if (!joins) all_.push_back({address, {}, false});
  all_.back().bytes.insert(all_.back().bytes.end(), bytes, bytes + size);
}

void Stores::publish(std::uint64_t address, std::uint16_t value) {
  const auto bytes = word_bytes(value);
  all_.push_back({address, {bytes.begin(), bytes.end()}, true});
}

std::array<std::byte, 2> word_bytes(std::uint16_t value) {
  return {static_cast<std::byte>(value & 0xff), static_cast<std::byte>(value >> 8)};
}

}  // namespace hypervet::program::virtio
