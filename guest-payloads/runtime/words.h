// SPDX-License-Identifier: Apache-2.0
// Copying and summing by 64-bit words, in unrolled loops of plain moves: where ring 0 is emulated
// (software KVM, seen) one round of a REP instruction costs as much as ten instructions.
#pragma once

#include <cstdint>

namespace hypervet::guest {

// Keeps the compiler from making a loop into a call of memcpy or memset.
inline std::uint64_t as_is(std::uint64_t word) {
  asm("" : "+r"(word));
  return word;
}

inline void copy_words(void* to, const void* from, std::uint64_t words) {
  auto* t = static_cast<std::uint64_t*>(to);
  const auto* f = static_cast<const std::uint64_t*>(from);
#pragma GCC unroll 8
  for (std::uint64_t i = 0; i < words; ++i) t[i] = as_is(f[i]);
}

inline void clear_words(void* to, std::uint64_t words) {
  auto* t = static_cast<std::uint64_t*>(to);
  const std::uint64_t zero = as_is(0);
#pragma GCC unroll 8
  for (std::uint64_t i = 0; i < words; ++i) t[i] = zero;
}

// protocol::checksum of whole words, continued from `sum`.
inline std::uint64_t add_to_sum(std::uint64_t sum, std::uint64_t word) {
  asm("rolq $7, %0\n\taddq %1, %0" : "+r"(sum) : "rm"(word) : "cc");
  return sum;
}

inline std::uint64_t sum_words(const void* data, std::uint64_t words, std::uint64_t sum) {
  const auto* p = static_cast<const std::uint64_t*>(data);
#pragma GCC unroll 8
  for (std::uint64_t i = 0; i < words; ++i) sum = add_to_sum(sum, p[i]);
  return sum;
}

// Both at once, each word read once.
inline std::uint64_t copy_and_sum(void* to, const void* from, std::uint64_t words,
                                  std::uint64_t sum) {
  auto* t = static_cast<std::uint64_t*>(to);
  const auto* f = static_cast<const std::uint64_t*>(from);
#pragma GCC unroll 8
  for (std::uint64_t i = 0; i < words; ++i) {
    const std::uint64_t word = as_is(f[i]);
    t[i] = word;
    sum = add_to_sum(sum, word);
  }
  return sum;
}

}  // namespace hypervet::guest
