// SPDX-License-Identifier: Apache-2.0
// How virtqueues lie in memory: descriptors and areas of the split (2.7) and the packed ring (2.8)
// of virtio 1.4. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hypervet::program::virtio {

// Flags of descriptors, 2.7.5 and 2.8.
inline constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4;
inline constexpr std::uint16_t kAvailable = 1 << 7, kUsedFlag = 1 << 15;  // packed, 2.8.1

inline constexpr std::size_t kDescriptorSize = 16;

// A descriptor as the driver means it; the ring adds what links it.
struct Descriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;  // kWrite, kIndirect
};

using DescriptorBytes = std::array<std::byte, kDescriptorSize>;
DescriptorBytes split_descriptor(const Descriptor& descriptor, std::uint16_t flags,
                                 std::uint16_t next);
DescriptorBytes packed_descriptor(const Descriptor& descriptor, std::uint16_t flags,
                                  std::uint16_t id);
// A whole indirect table, 2.7.5.3 and 2.8.9.
std::vector<std::byte> indirect_table(const std::vector<Descriptor>& descriptors, bool packed);

// Where the three areas of a queue are: descriptor, driver (split: available ring) and device area
// (split: used ring).
struct Places {
  std::uint64_t desc = 0, driver = 0, device = 0;
};
struct AreaSizes {
  std::uint64_t desc = 0, driver = 0, device = 0;
};
AreaSizes area_sizes(bool packed, unsigned size);

// Offsets in the areas of a split ring: used_event behind the available ring, avail_event behind
// the used one.
constexpr std::uint64_t used_event_offset(unsigned size) { return 4 + 2 * std::uint64_t{size}; }
constexpr std::uint64_t avail_event_offset(unsigned size) { return 4 + 8 * std::uint64_t{size}; }

// Something that the driver writes.
struct Store {
  std::uint64_t address = 0;
  std::vector<std::byte> bytes;
  bool at_once = false;  // two bytes that the device must see together, after all before it
};

// Stores in the order in which they are added; neighbours become one.
class Stores {
 public:
  template <typename Bytes>
  void put(std::uint64_t address, const Bytes& bytes) {
    append(address, bytes.data(), bytes.size());
  }
  void publish(std::uint64_t address, std::uint16_t value);
  std::vector<Store> take() { return std::move(all_); }

 private:
  void append(std::uint64_t address, const std::byte* bytes, std::size_t size);
  std::vector<Store> all_;
};

std::array<std::byte, 2> word_bytes(std::uint16_t value);

}  // namespace hypervet::program::virtio
