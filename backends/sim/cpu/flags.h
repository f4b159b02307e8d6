// SPDX-License-Identifier: Apache-2.0
//
// The six status flags, kept as the outcome of the last arithmetic operation instead of as bits:
// most are overwritten before anybody looks. Every field is filled by simple arithmetic, so no
// question needs to know which operation came last.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "backends/sim/cpu/state.h"

namespace hypervet::sim {

template <typename T>
using Signed = std::make_signed_t<T>;
template <typename T>
inline constexpr unsigned kBits = sizeof(T) * 8;

struct LazyFlags {
  // ZF = result is 0. SF = its sign, PF = parity of its low byte, each inverted where `delta` has
  // the flag's own bit (only a load of all flags needs that: ZF with SF, or ZF with odd parity).
  std::int64_t result = 1;
  std::uint8_t carry = 0;     // 0 or 1
  std::uint8_t overflow = 0;  // 0 or 1
  std::uint8_t delta = 0;     // bit 4 is AF, bits 7 and 2 see above

  bool cf() const { return carry != 0; }
  bool zf() const { return result == 0; }
  bool sf() const { return (result < 0) != ((delta & rflags::kSf) != 0); }
  bool of() const { return overflow != 0; }
  bool af() const { return (delta & rflags::kAf) != 0; }
  bool pf() const {
    const auto low = static_cast<std::uint8_t>(result);
    return ((std::popcount(low) & 1) == 0) != ((delta & rflags::kPf) != 0);
  }

  std::uint64_t bits() const {
    return (cf() ? rflags::kCf : 0) | (pf() ? rflags::kPf : 0) | (af() ? rflags::kAf : 0) |
           (zf() ? rflags::kZf : 0) | (sf() ? rflags::kSf : 0) | (of() ? rflags::kOf : 0);
  }

  void set_bits(std::uint64_t value) {
    result = value & rflags::kZf ? 0 : 1;
    carry = value & rflags::kCf ? 1 : 0;
    overflow = value & rflags::kOf ? 1 : 0;
    delta = static_cast<std::uint8_t>(value & rflags::kAf);
    if (sf() != ((value & rflags::kSf) != 0)) delta |= rflags::kSf;
    if (pf() != ((value & rflags::kPf) != 0)) delta |= rflags::kPf;
  }

  template <std::unsigned_integral T>
  void set_result(T value) {
    result = static_cast<Signed<T>>(value);
  }
  template <std::unsigned_integral T>
  void set_logic(T value) {
    set_result(value);
    carry = overflow = delta = 0;
  }
};

// a + b + carry_in; sets all six.
template <std::unsigned_integral T>
inline T add_with_flags(LazyFlags& flags, T a, T b, bool carry_in = false) {
  T sum;
  Signed<T> signed_sum;
  bool carry = __builtin_add_overflow(a, b, &sum);
  bool overflow =
      __builtin_add_overflow(static_cast<Signed<T>>(a), static_cast<Signed<T>>(b), &signed_sum);
  if (carry_in) {
    carry |= __builtin_add_overflow(sum, T{1}, &sum);
    overflow ^= __builtin_add_overflow(signed_sum, Signed<T>{1}, &signed_sum);
  }
  flags.set_result(sum);
  flags.carry = carry;
  flags.overflow = overflow;
  flags.delta = static_cast<std::uint8_t>((a ^ b ^ sum) & rflags::kAf);
  return sum;
}

// a - b - borrow_in; sets all six.
template <std::unsigned_integral T>
inline T subtract_with_flags(LazyFlags& flags, T a, T b, bool borrow_in = false) {
  T difference;
  Signed<T> signed_difference;
  bool borrow = __builtin_sub_overflow(a, b, &difference);
  bool overflow = __builtin_sub_overflow(static_cast<Signed<T>>(a), static_cast<Signed<T>>(b),
                                         &signed_difference);
  if (borrow_in) {
    borrow |= __builtin_sub_overflow(difference, T{1}, &difference);
    overflow ^= __builtin_sub_overflow(signed_difference, Signed<T>{1}, &signed_difference);
  }
  flags.set_result(difference);
  flags.carry = borrow;
  flags.overflow = overflow;
  flags.delta = static_cast<std::uint8_t>((a ^ b ^ difference) & rflags::kAf);
  return difference;
}

// The sixteen conditions of Jcc, SETcc and CMOVcc, numbered as in the opcode.
template <unsigned kCondition>
inline bool condition(const LazyFlags& f) {
  bool holds = false;
  if constexpr (kCondition / 2 == 0) holds = f.of();
  if constexpr (kCondition / 2 == 1) holds = f.cf();
  if constexpr (kCondition / 2 == 2) holds = f.zf();
  if constexpr (kCondition / 2 == 3) holds = f.cf() || f.zf();
  if constexpr (kCondition / 2 == 4) holds = f.sf();
  if constexpr (kCondition / 2 == 5) holds = f.pf();
  if constexpr (kCondition / 2 == 6) holds = f.sf() != f.of();
  if constexpr (kCondition / 2 == 7) holds = f.zf() || f.sf() != f.of();
  return holds != ((kCondition & 1) != 0);
}

}  // namespace hypervet::sim
