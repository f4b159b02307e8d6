// SPDX-License-Identifier: Apache-2.0
// A chain of buffers in memory while a case is compiled: parts, canaries around the writable ones,
// an indirect table. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/program/implied.h"
#include "harness/program/virtio/ring.h"

namespace hypervet::program::virtio {

inline constexpr std::uint64_t kCanarySize = 64;  // of each, unless a part says otherwise

// A part as a case draws it, and where it came to lie.
struct Part {
  std::string name;  // "": none
  std::uint64_t size = 0;
  std::vector<std::byte> content;  // empty: `fill` throughout
  std::uint8_t fill = 0;
  std::uint64_t canary = 0;  // bytes of each; 0: none
  bool writable = false;
  bool elsewhere = false;     // `at`: the address is the case's own and nothing is laid there
  std::uint64_t address = 0;  // given by lay_out() unless elsewhere
};

struct Chain {
  unsigned queue = 0;
  std::vector<Part> parts;
  bool indirect = false;
  std::uint64_t area = 0;  // parts, canaries and the table lie in [area, area + size)
  std::uint64_t size = 0;
  std::uint64_t table = 0;       // of the indirect descriptors
  std::vector<Canary> canaries;  // offsets from `area`
  bool submitted = false;
};

// Gives every part and canary its place, from `area` on, a multiple of 16; sets size and canaries.
void lay_out(const std::string& name, std::uint64_t area, Chain& chain);

// One descriptor per part, in their order.
std::vector<Descriptor> part_descriptors(const Chain& chain);
// What stands in the ring: those, or the one of the indirect table.
std::vector<Descriptor> ring_descriptors(const Chain& chain);

// What the driver writes before the chain is made available; memory is zero where it writes
// nothing.
struct Fill {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  std::uint8_t byte = 0;
};
struct Content {
  std::vector<Fill> fills;    // first
  std::vector<Store> stores;  // then
};
Content content_of(const Chain& chain, bool packed);

}  // namespace hypervet::program::virtio
