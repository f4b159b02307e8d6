// SPDX-License-Identifier: Apache-2.0
// Random numbers that depend on the seed alone, not on the standard library: its generators are
// laid down bit for bit, its distributions are not. One Random per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

namespace hypervet::measure {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // A stream of its own for each name, so that a path's figures do not depend on its neighbours.
  Random(std::uint64_t seed, std::string_view name) : engine_(seed ^ hash(name)) {}

  // In [0, 1), a multiple of 2^-53.
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  // In [0, size), size at most 2^32; the bias is below 2^-32 per value.
  std::size_t below(std::size_t size) {
    return static_cast<std::size_t>(((engine_() >> 32) * static_cast<std::uint64_t>(size)) >> 32);
  }

 private:
  // FNV-1a, 64 bit.
  static std::uint64_t hash(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return value;
  }

  std::mt19937_64 engine_;
};

}  // namespace hypervet::measure
