// SPDX-License-Identifier: Apache-2.0
//
// SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD. Where the manual leaves a flag undefined (OF for
// counts other than one, AF) the value is what falls out.
#include <bit>

#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

template <typename T>
constexpr unsigned kCountMask = sizeof(T) == 8 ? 63 : 31;

template <typename T>
constexpr bool top_bit(T value) {
  return (value >> (kBits<T> - 1)) & 1;
}

template <typename T>
constexpr bool second_bit(T value) {
  return (value >> (kBits<T> - 2)) & 1;
}

// Operations get a count that is masked and not zero.
struct ShiftLeft {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    // Counts beyond the width push everything out; 64-bit counts stay below 64.
    const bool carry = count <= kBits<T> && ((a >> (kBits<T> - count)) & 1);
    const T r = count < kBits<T> ? static_cast<T>(a << count) : T{0};
    f.set_result(r);
    f.delta = 0;
    f.carry = carry;
    f.overflow = top_bit(r) != carry;
    return r;
  }
};
struct ShiftRight {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    const bool carry = count <= kBits<T> && ((a >> (count - 1)) & 1);
    const T r = count < kBits<T> ? static_cast<T>(a >> count) : T{0};
    f.set_result(r);
    f.delta = 0;
    f.carry = carry;
    f.overflow = top_bit(a);
    return r;
  }
};
struct ShiftArithmetic {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    const std::int64_t wide = static_cast<Signed<T>>(a);
    const auto r = static_cast<T>(wide >> count);
    f.set_result(r);
    f.delta = 0;
    f.carry = (wide >> (count - 1)) & 1;
    f.overflow = 0;
    return r;
  }
};
struct RotateLeft {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    const T r = std::rotl(a, static_cast<int>(count % kBits<T>));
    f.carry = r & 1;
    f.overflow = top_bit(r) != f.cf();
    return r;
  }
};
struct RotateRight {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    const T r = std::rotr(a, static_cast<int>(count % kBits<T>));
    f.carry = top_bit(r);
    f.overflow = top_bit(r) != second_bit(r);
    return r;
  }
};
struct RotateCarryLeft {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    for (count %= kBits<T> + 1; count != 0; --count) {
      const bool out = top_bit(a);
      a = static_cast<T>((a << 1) | f.carry);
      f.carry = out;
    }
    f.overflow = top_bit(a) != f.cf();
    return a;
  }
};
struct RotateCarryRight {
  template <typename T>
  static T apply(LazyFlags& f, T a, unsigned count) {
    for (count %= kBits<T> + 1; count != 0; --count) {
      const bool out = a & 1;
      a = static_cast<T>((a >> 1) | (static_cast<T>(f.carry) << (kBits<T> - 1)));
      f.carry = out;
    }
    f.overflow = top_bit(a) != second_bit(a);
    return a;
  }
};

template <typename T, typename Operation>
T shifted(Core& c, T value, unsigned count) {
  count &= kCountMask<T>;
  return count == 0 ? value : Operation::apply(c.flags, value, count);
}

template <typename T, typename Operation>
bool reg_by_imm(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, shifted<T, Operation>(c, c.reg<T>(op.dst), static_cast<unsigned>(op.imm)));
  return true;
}
template <typename T, typename Operation>
bool reg_by_cl(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, shifted<T, Operation>(c, c.reg<T>(op.dst), c.reg<std::uint8_t>(8 * kRcx)));
  return true;
}
template <typename T, typename Operation>
bool mem_by_imm(Core& c, const Op& op) {
  return c.modify<T>(c.address(op), [&](T value) {
    return shifted<T, Operation>(c, value, static_cast<unsigned>(op.imm));
  });
}
template <typename T, typename Operation>
bool mem_by_cl(Core& c, const Op& op) {
  return c.modify<T>(c.address(op), [&](T value) {
    return shifted<T, Operation>(c, value, c.reg<std::uint8_t>(8 * kRcx));
  });
}

template <typename Operation>
Handler shift(const Decoded& d, Op& op) {
  const unsigned size = d.size(0);
  const bool by_register = d.is_register(1);
  if (d.count() < 2) op.imm = 1;
  if (d.is_memory(0)) {
    return by_register ? HV_BY_SIZE(size, mem_by_cl, Operation)
                       : HV_BY_SIZE(size, mem_by_imm, Operation);
  }
  return by_register ? HV_BY_SIZE(size, reg_by_cl, Operation)
                     : HV_BY_SIZE(size, reg_by_imm, Operation);
}

// SHLD and SHRD: `fill` enters from the other side. A 16-bit operand with a count above 16 is
// undefined; `fill` then repeats.
template <typename T, bool kLeft>
T double_shifted(LazyFlags& f, T value, T fill, unsigned count) {
  count &= kCountMask<T>;
  if (count == 0) return value;
  T r;
  bool carry;
  if constexpr (sizeof(T) == 2) {
    if (kLeft) {
      const std::uint64_t wide = std::uint64_t{value} << 32 | std::uint64_t{fill} << 16 | value;
      carry = (wide >> (48 - count)) & 1;
      r = static_cast<T>(wide << count >> 32);
    } else {
      const std::uint64_t wide = std::uint64_t{value} << 32 | std::uint64_t{fill} << 16 | value;
      carry = (wide >> (count - 1)) & 1;
      r = static_cast<T>(wide >> count);
    }
  } else if constexpr (kLeft) {
    carry = (value >> (kBits<T> - count)) & 1;
    r = static_cast<T>((value << count) | (fill >> (kBits<T> - count)));
  } else {
    carry = (value >> (count - 1)) & 1;
    r = static_cast<T>((value >> count) | (fill << (kBits<T> - count)));
  }
  f.set_result(r);
  f.delta = 0;
  f.carry = carry;
  f.overflow = top_bit(r) != top_bit(value);
  return r;
}

// The count: CL if op.imm has bit 8, else op.imm.
template <typename T, bool kLeft>
bool double_shift(Core& c, const Op& op) {
  const unsigned count =
      op.imm & 0x100 ? c.reg<std::uint8_t>(8 * kRcx) : static_cast<unsigned>(op.imm);
  const T fill = c.reg<T>(op.src);
  if (op.memory) {
    return c.modify<T>(c.address(op), [&](T value) {
      return double_shifted<T, kLeft>(c.flags, value, fill, count);
    });
  }
  c.set_reg<T>(op.dst, double_shifted<T, kLeft>(c.flags, c.reg<T>(op.dst), fill, count));
  return true;
}

template <bool kLeft>
Handler select_double(const Decoded& d, Op& op) {
  op.imm = d.is_register(2) ? 0x100 : op.imm & 0xff;
  switch (d.size(0)) {
    case 2:
      return double_shift<std::uint16_t, kLeft>;
    case 4:
      return double_shift<std::uint32_t, kLeft>;
    default:
      return double_shift<std::uint64_t, kLeft>;
  }
}

}  // namespace

Handler select_shift(const Decoded& d, Op& op, bool&) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_SHL:
      return shift<ShiftLeft>(d, op);
    case ZYDIS_MNEMONIC_SHR:
      return shift<ShiftRight>(d, op);
    case ZYDIS_MNEMONIC_SAR:
      return shift<ShiftArithmetic>(d, op);
    case ZYDIS_MNEMONIC_ROL:
      return shift<RotateLeft>(d, op);
    case ZYDIS_MNEMONIC_ROR:
      return shift<RotateRight>(d, op);
    case ZYDIS_MNEMONIC_RCL:
      return shift<RotateCarryLeft>(d, op);
    case ZYDIS_MNEMONIC_RCR:
      return shift<RotateCarryRight>(d, op);
    case ZYDIS_MNEMONIC_SHLD:
      return select_double<true>(d, op);
    case ZYDIS_MNEMONIC_SHRD:
      return select_double<false>(d, op);
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
