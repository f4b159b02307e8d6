// SPDX-License-Identifier: Apache-2.0
//
// XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. One processor runs at a time, so LOCK has nothing to
// do; the decoder has already refused it where it is undefined.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

template <typename T>
bool exchange_reg(Core& c, const Op& op) {
  const T a = c.reg<T>(op.dst), b = c.reg<T>(op.src);
  c.set_reg<T>(op.dst, b);
  c.set_reg<T>(op.src, a);
  return true;
}

template <typename T>
bool exchange_mem(Core& c, const Op& op) {
  return c.modify<T>(c.address(op), [&](T value) {
    const T old = c.reg<T>(op.src);
    c.set_reg<T>(op.src, value);
    return old;
  });
}

template <typename T>
bool exchange_add(Core& c, const Op& op) {
  if (op.memory) {
    return c.modify<T>(c.address(op), [&](T value) {
      const T sum = add_with_flags(c.flags, value, c.reg<T>(op.src));
      c.set_reg<T>(op.src, value);
      return sum;
    });
  }
  const T old = c.reg<T>(op.dst);
  const T sum = add_with_flags(c.flags, old, c.reg<T>(op.src));
  // In this order: with equal operands the sum stays.
  c.set_reg<T>(op.src, old);
  c.set_reg<T>(op.dst, sum);
  return true;
}

template <typename T>
T compared(Core& c, T current, T replacement) {
  subtract_with_flags(c.flags, c.reg<T>(8 * kRax), current);
  if (c.flags.zf()) return replacement;
  c.set_reg<T>(8 * kRax, current);
  return current;
}

template <typename T>
bool compare_exchange(Core& c, const Op& op) {
  if (op.memory) {
    // Memory is written in any case, so it must be writable in any case.
    return c.modify<T>(c.address(op),
                       [&](T value) { return compared(c, value, c.reg<T>(op.src)); });
  }
  const T current = c.reg<T>(op.dst);
  const T replacement = c.reg<T>(op.src);
  subtract_with_flags(c.flags, c.reg<T>(8 * kRax), current);
  if (c.flags.zf()) {
    c.set_reg<T>(op.dst, replacement);
  } else {
    c.set_reg<T>(8 * kRax, current);
  }
  return true;
}

void set_zero_flag(LazyFlags& f, bool zero) {
  f.set_bits((f.bits() & ~rflags::kZf) | (zero ? rflags::kZf : 0));
}

// T is half of the operand.
template <typename T>
bool compare_exchange_pair(Core& c, const Op& op) {
  const std::uint64_t at = c.address(op);
  if (sizeof(T) == 8 && at % 16 != 0) return c.general_protection();
  T low, high;
  if (!c.probe_write(at, 2 * sizeof(T)) || !c.load(at, low) || !c.load(at + sizeof(T), high)) {
    return false;
  }
  const bool equal = low == c.reg<T>(8 * kRax) && high == c.reg<T>(8 * kRdx);
  const T new_low = equal ? c.reg<T>(8 * kRbx) : low;
  const T new_high = equal ? c.reg<T>(8 * kRcx) : high;
  if (!c.store(at, new_low) || !c.store(at + sizeof(T), new_high)) return false;
  if (!equal) {
    c.set_reg<T>(8 * kRax, low);
    c.set_reg<T>(8 * kRdx, high);
  }
  set_zero_flag(c.flags, equal);
  return true;
}

}  // namespace

Handler select_exchange(const Decoded& d, Op& op, bool&) {
  const unsigned size = d.size(0);
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_XCHG:
      if (d.is_memory(1)) op.src = d.offset(0);
      return op.memory ? HV_BY_SIZE(size, exchange_mem) : HV_BY_SIZE(size, exchange_reg);
    case ZYDIS_MNEMONIC_XADD:
      return HV_BY_SIZE(size, exchange_add);
    case ZYDIS_MNEMONIC_CMPXCHG:
      return HV_BY_SIZE(size, compare_exchange);
    case ZYDIS_MNEMONIC_CMPXCHG8B:
      return compare_exchange_pair<std::uint32_t>;
    case ZYDIS_MNEMONIC_CMPXCHG16B:
      return compare_exchange_pair<std::uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
