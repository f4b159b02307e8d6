// SPDX-License-Identifier: Apache-2.0
// The scheduler's random numbers: SplitMix64 (Steele, Lea, Flood 2014). A plain value, the same on
// every host.
#pragma once

#include <cstdint>

namespace hypervet::sim {

class Prng {
 public:
  explicit Prng(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    return mixed ^ (mixed >> 31);
  }
  // In [0, bound), bound > 0. The bias for bounds far below 2^32 is of no matter here.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

 private:
  std::uint64_t state_;
};

}  // namespace hypervet::sim
