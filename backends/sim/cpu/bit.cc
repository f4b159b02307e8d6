// SPDX-License-Identifier: Apache-2.0
//
// BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, CRC32.
#include <bit>

#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

struct Keep {
  static constexpr bool kStores = false;
  template <typename T>
  static T apply(T value, T) {
    return value;
  }
};
struct Set {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(T value, T bit) {
    return value | bit;
  }
};
struct Reset {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(T value, T bit) {
    return value & static_cast<T>(~bit);
  }
};
struct Complement {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(T value, T bit) {
    return value ^ bit;
  }
};

template <typename T, typename Operation>
T at_bit(LazyFlags& f, T value, T number) {
  const unsigned shift = number % kBits<T>;
  f.carry = (value >> shift) & 1;
  return Operation::apply(value, static_cast<T>(T{1} << shift));
}

template <typename T, typename Operation>
bool bit_in_reg(Core& c, const Op& op, T number) {
  const T r = at_bit<T, Operation>(c.flags, c.reg<T>(op.dst), number);
  if constexpr (Operation::kStores) c.set_reg<T>(op.dst, r);
  return true;
}

template <typename T, typename Operation>
bool bit_in_mem(Core& c, std::uint64_t address, T number) {
  if constexpr (Operation::kStores) {
    return c.modify<T>(address,
                       [&](T value) { return at_bit<T, Operation>(c.flags, value, number); });
  } else {
    T value;
    if (!c.load(address, value)) return false;
    at_bit<T, Operation>(c.flags, value, number);
    return true;
  }
}

template <typename T, typename Operation>
bool bit_by_imm(Core& c, const Op& op) {
  const T number = static_cast<T>(op.imm & 0xff);
  if (op.memory) return bit_in_mem<T, Operation>(c, c.address(op), number);
  return bit_in_reg<T, Operation>(c, op, number);
}

// With a register the bit string of a memory operand has no end: the address moves with it.
template <typename T, typename Operation>
bool bit_by_reg(Core& c, const Op& op) {
  const T number = c.reg<T>(op.src);
  if (!op.memory) return bit_in_reg<T, Operation>(c, op, number);
  const std::int64_t word = static_cast<Signed<T>>(number) >> std::countr_zero(kBits<T>);
  return bit_in_mem<T, Operation>(
      c, c.address_plus(op, static_cast<std::uint64_t>(word) * sizeof(T)), number);
}

template <typename Operation>
Handler select_test(const Decoded& d) {
  switch (d.size(0)) {
    case 2:
      return d.is_immediate(1) ? bit_by_imm<std::uint16_t, Operation>
                               : bit_by_reg<std::uint16_t, Operation>;
    case 4:
      return d.is_immediate(1) ? bit_by_imm<std::uint32_t, Operation>
                               : bit_by_reg<std::uint32_t, Operation>;
    default:
      return d.is_immediate(1) ? bit_by_imm<std::uint64_t, Operation>
                               : bit_by_reg<std::uint64_t, Operation>;
  }
}

// Scans leave the destination alone when the source is zero.
struct ScanForward {
  template <typename T>
  static T apply(LazyFlags& f, T value, T old) {
    f.set_result(value);
    return value == 0 ? old : static_cast<T>(std::countr_zero(value));
  }
};
struct ScanReverse {
  template <typename T>
  static T apply(LazyFlags& f, T value, T old) {
    f.set_result(value);
    return value == 0 ? old : static_cast<T>(kBits<T> - 1 - std::countl_zero(value));
  }
};
struct TrailingZeros {
  template <typename T>
  static T apply(LazyFlags& f, T value, T) {
    const T r = static_cast<T>(std::countr_zero(value));
    f.set_result(r);
    f.carry = value == 0;
    return r;
  }
};
struct LeadingZeros {
  template <typename T>
  static T apply(LazyFlags& f, T value, T) {
    const T r = static_cast<T>(std::countl_zero(value));
    f.set_result(r);
    f.carry = value == 0;
    return r;
  }
};
struct PopulationCount {
  template <typename T>
  static T apply(LazyFlags& f, T value, T) {
    f.set_bits(value == 0 ? rflags::kZf : 0);
    return static_cast<T>(std::popcount(value));
  }
};

template <typename T, typename Operation>
bool count(Core& c, const Op& op) {
  T value = c.reg<T>(op.src);
  if (op.memory && !c.load(c.address(op), value)) return false;
  c.set_reg<T>(op.dst, Operation::apply(c.flags, value, c.reg<T>(op.dst)));
  return true;
}

// CRC-32C, bit-reflected.
template <typename T>
bool accumulate_crc(Core& c, const Op& op) {
  T value = c.reg<T>(op.src);
  if (op.memory && !c.load(c.address(op), value)) return false;
  std::uint32_t crc = c.reg<std::uint32_t>(op.dst);
  for (unsigned i = 0; i < sizeof(T); ++i) {
    crc ^= static_cast<std::uint8_t>(value >> (8 * i));
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  c.set_reg(op.dst, crc);
  return true;
}

template <typename Operation>
Handler select_count(const Decoded& d) {
  switch (d.size(0)) {
    case 2:
      return count<std::uint16_t, Operation>;
    case 4:
      return count<std::uint32_t, Operation>;
    default:
      return count<std::uint64_t, Operation>;
  }
}

}  // namespace

Handler select_bit(const Decoded& d, Op&, bool&) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_BT:
      return select_test<Keep>(d);
    case ZYDIS_MNEMONIC_BTS:
      return select_test<Set>(d);
    case ZYDIS_MNEMONIC_BTR:
      return select_test<Reset>(d);
    case ZYDIS_MNEMONIC_BTC:
      return select_test<Complement>(d);
    case ZYDIS_MNEMONIC_BSF:
      return select_count<ScanForward>(d);
    case ZYDIS_MNEMONIC_BSR:
      return select_count<ScanReverse>(d);
    case ZYDIS_MNEMONIC_TZCNT:
      return select_count<TrailingZeros>(d);
    case ZYDIS_MNEMONIC_LZCNT:
      return select_count<LeadingZeros>(d);
    case ZYDIS_MNEMONIC_CRC32:
      return HV_BY_SIZE(d.size(1), accumulate_crc);
    case ZYDIS_MNEMONIC_POPCNT:
      return select_count<PopulationCount>(d);
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
