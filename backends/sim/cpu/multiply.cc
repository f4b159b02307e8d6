// SPDX-License-Identifier: Apache-2.0
//
// MUL, IMUL, DIV, IDIV.
#include <limits>

#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

constexpr unsigned kAcc = 8 * kRax, kData = 8 * kRdx, kAh = kAcc + 1;

template <typename T>
bool operand(Core& c, const Op& op, T& value) {
  if (op.memory) return c.load(c.address(op), value);
  value = c.reg<T>(op.dst);
  return true;
}

template <typename T>
void set_double(Core& c, T low, T high) {
  c.set_reg<T>(kAcc, low);
  if constexpr (sizeof(T) == 1) {
    c.set_reg<T>(kAh, high);
  } else {
    c.set_reg<T>(kData, high);
  }
}

template <typename T>
T high_half(const Core& c) {
  return c.reg<T>(sizeof(T) == 1 ? kAh : kData);
}

template <typename T>
bool multiply(Core& c, const Op& op) {
  T b;
  if (!operand(c, op, b)) return false;
  const Wide product = Wide{c.reg<T>(kAcc)} * b;
  const T high = static_cast<T>(product >> kBits<T>);
  set_double(c, static_cast<T>(product), high);
  c.flags.carry = c.flags.overflow = high != 0;
  return true;
}

template <typename T>
T signed_product(LazyFlags& f, T a, T b, T& high) {
  const SignedWide product =
      SignedWide{static_cast<Signed<T>>(a)} * SignedWide{static_cast<Signed<T>>(b)};
  const T low = static_cast<T>(product);
  high = static_cast<T>(product >> kBits<T>);
  f.carry = f.overflow = SignedWide{static_cast<Signed<T>>(low)} != product;
  return low;
}

template <typename T>
bool multiply_signed(Core& c, const Op& op) {
  T b, high;
  if (!operand(c, op, b)) return false;
  const T low = signed_product(c.flags, c.reg<T>(kAcc), b, high);
  set_double(c, low, high);
  return true;
}

// IMUL reg, r/m and IMUL reg, r/m, imm.
template <typename T, bool kImmediate>
bool multiply_into(Core& c, const Op& op) {
  T a = c.reg<T>(op.src), high;
  if (op.memory && !c.load(c.address(op), a)) return false;
  const T b = kImmediate ? static_cast<T>(op.imm) : c.reg<T>(op.dst);
  c.set_reg<T>(op.dst, signed_product(c.flags, a, b, high));
  return true;
}

template <typename T>
bool divide(Core& c, const Op& op) {
  T b;
  if (!operand(c, op, b)) return false;
  if (b == 0) return c.fault(kDivideError);
  const Wide dividend = Wide{high_half<T>(c)} << kBits<T> | c.reg<T>(kAcc);
  if constexpr (sizeof(T) == 8) {
    if (high_half<T>(c) >= b) return c.fault(kDivideError);
    if ((dividend >> 64) == 0) {  // the 128-bit division is a library call
      const auto low = static_cast<std::uint64_t>(dividend);
      set_double<T>(c, low / b, low % b);
      return true;
    }
  }
  const Wide quotient = dividend / b;
  if (quotient > std::numeric_limits<T>::max()) return c.fault(kDivideError);
  set_double(c, static_cast<T>(quotient), static_cast<T>(dividend % b));
  return true;
}

template <typename T>
bool divide_signed(Core& c, const Op& op) {
  T raw;
  if (!operand(c, op, raw)) return false;
  const SignedWide b = static_cast<Signed<T>>(raw);
  if (b == 0) return c.fault(kDivideError);
  const Wide joined = Wide{high_half<T>(c)} << kBits<T> | c.reg<T>(kAcc);
  constexpr unsigned kUnused = 128 - 2 * kBits<T>;
  const SignedWide dividend = static_cast<SignedWide>(joined << kUnused) >> kUnused;
  // The one quotient that 128 bits cannot hold; it would trap on the host.
  if (b == -1 && dividend == static_cast<SignedWide>(Wide{1} << 127)) {
    return c.fault(kDivideError);
  }
  const SignedWide quotient = dividend / b;
  if (quotient != static_cast<Signed<T>>(quotient)) return c.fault(kDivideError);
  set_double(c, static_cast<T>(quotient), static_cast<T>(dividend % b));
  return true;
}

Handler select_imul(const Decoded& d) {
  if (d.count() == 1) return HV_BY_SIZE(d.size(0), multiply_signed);
  return d.count() == 3 ? HV_BY_SIZE(d.size(0), multiply_into, true)
                        : HV_BY_SIZE(d.size(0), multiply_into, false);
}

}  // namespace

Handler select_multiply(const Decoded& d, Op&, bool&) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MUL:
      return HV_BY_SIZE(d.size(0), multiply);
    case ZYDIS_MNEMONIC_IMUL:
      return select_imul(d);
    case ZYDIS_MNEMONIC_DIV:
      return HV_BY_SIZE(d.size(0), divide);
    case ZYDIS_MNEMONIC_IDIV:
      return HV_BY_SIZE(d.size(0), divide_signed);
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
