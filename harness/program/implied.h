// SPDX-License-Identifier: Apache-2.0
// What the compiler knows about an op's answer beyond what its step says: what must hold anyway,
// and what the bytes of a ring mean. Plain values, immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hypervet::program {

// A field of the op's answer that must be as said, whatever the step expects.
struct Demand {
  enum class Kind { kMask, kAtMost, kAtLeast };  // (field & mask) == value; field <= value; >=
  std::string field;
  Kind kind = Kind::kMask;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  std::string expected;  // in the standard's words; the reason of the skip with or_skip
  bool or_skip = false;  // else the case says nothing, and is skipped
};

// Bytes of a `read` that must be as the driver laid them: around a writable part of a chain.
struct Canary {
  std::size_t offset = 0;  // in the bytes
  std::size_t size = 0;
  std::uint64_t address = 0;
  std::string where;  // "behind good.status"
};

// Used elements (split, 2.7.8) or used descriptors (packed, 2.8.7) in the bytes of a `read`.
struct UsedElements {
  bool packed = false;
  std::vector<std::size_t> offsets;      // of each in the bytes, in the order of completion
  std::optional<std::uint16_t> wanted;   // the id that is awaited, must be among them
  std::string wanted_name;               // and its chain's name
  std::vector<std::uint16_t> available;  // ids that the driver had made available; empty: unknown
};

// What must be so for the op's answer to mean anything: a field of another plan's answer is not 0.
struct Precondition {
  std::size_t plan = 0;
  std::string field;
};

struct Implied {
  std::vector<Demand> demands;
  std::vector<Canary> canaries;
  std::optional<UsedElements> used;
  std::string awaited;  // of an op that waits: in the standard's words
  std::optional<Precondition> only_if;
};

// What canaries are made of: never 0 or 0xff, and seldom what stands beside it.
constexpr std::uint8_t canary_byte(std::uint64_t address) {
  return static_cast<std::uint8_t>(0x81 + address * 37 % 0x7d);
}

}  // namespace hypervet::program
