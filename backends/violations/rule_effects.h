// SPDX-License-Identifier: Apache-2.0
// The effects that every seam with a value has: value, add, set, clear. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/violations/rule_values.h"

namespace hypervet::violations {

inline std::uint64_t cut(std::uint64_t value, unsigned size) {
  return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

inline std::uint64_t altered(const Rule& rule, std::uint64_t value) {
  if (const auto other = number(rule, "value")) value = *other;
  if (const auto amount = number(rule, "add")) value += *amount;
  if (const auto bits = number(rule, "set")) value |= *bits;
  if (const auto bits = number(rule, "clear")) value &= ~*bits;
  return value;
}

// The same of bytes, taken as a little-endian number of at most eight of them.
inline std::uint64_t number_of(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;)
    value = value << 8 | bytes[i];
  return value;
}
inline void put_number(std::uint64_t value, std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 8); ++i, value >>= 8)
    bytes[i] = static_cast<std::uint8_t>(value);
}

}  // namespace hypervet::violations
