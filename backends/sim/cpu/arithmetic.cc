// SPDX-License-Identifier: Apache-2.0
//
// ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT.
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

// An operation: what it computes, and whether the result is stored.
struct Add {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    return add_with_flags(f, a, b);
  }
};
struct AddCarry {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    return add_with_flags(f, a, b, f.cf());
  }
};
struct Subtract {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    return subtract_with_flags(f, a, b);
  }
};
struct SubtractBorrow {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    return subtract_with_flags(f, a, b, f.cf());
  }
};
struct Compare {
  static constexpr bool kStores = false;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    return subtract_with_flags(f, a, b);
  }
};
struct And {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    const T r = a & b;
    f.set_logic(r);
    return r;
  }
};
struct Or {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    const T r = a | b;
    f.set_logic(r);
    return r;
  }
};
struct Xor {
  static constexpr bool kStores = true;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    const T r = a ^ b;
    f.set_logic(r);
    return r;
  }
};
struct Test {
  static constexpr bool kStores = false;
  template <typename T>
  static T apply(LazyFlags& f, T a, T b) {
    const T r = a & b;
    f.set_logic(r);
    return r;
  }
};

template <typename T, typename Operation>
bool reg_reg(Core& c, const Op& op) {
  const T r = Operation::apply(c.flags, c.reg<T>(op.dst), c.reg<T>(op.src));
  if constexpr (Operation::kStores) c.set_reg<T>(op.dst, r);
  return true;
}

template <typename T, typename Operation>
bool reg_imm(Core& c, const Op& op) {
  const T r = Operation::apply(c.flags, c.reg<T>(op.dst), static_cast<T>(op.imm));
  if constexpr (Operation::kStores) c.set_reg<T>(op.dst, r);
  return true;
}

template <typename T, typename Operation>
bool reg_mem(Core& c, const Op& op) {
  T value;
  if (!c.load(c.address(op), value)) return false;
  const T r = Operation::apply(c.flags, c.reg<T>(op.dst), value);
  if constexpr (Operation::kStores) c.set_reg<T>(op.dst, r);
  return true;
}

template <typename T, typename Operation>
bool mem_with(Core& c, const Op& op, T right) {
  if constexpr (Operation::kStores) {
    return c.modify<T>(c.address(op),
                       [&](T left) { return Operation::apply(c.flags, left, right); });
  } else {
    T left;
    if (!c.load(c.address(op), left)) return false;
    Operation::apply(c.flags, left, right);
    return true;
  }
}

template <typename T, typename Operation>
bool mem_reg(Core& c, const Op& op) {
  return mem_with<T, Operation>(c, op, c.reg<T>(op.src));
}

template <typename T, typename Operation>
bool mem_imm(Core& c, const Op& op) {
  return mem_with<T, Operation>(c, op, static_cast<T>(op.imm));
}

template <typename Operation>
Handler binary(const Decoded& d) {
  const unsigned size = d.size(0);
  if (d.is_memory(0)) {
    return d.is_immediate(1) ? HV_BY_SIZE(size, mem_imm, Operation)
                             : HV_BY_SIZE(size, mem_reg, Operation);
  }
  if (d.is_memory(1)) return HV_BY_SIZE(size, reg_mem, Operation);
  if (d.is_immediate(1)) return HV_BY_SIZE(size, reg_imm, Operation);
  return HV_BY_SIZE(size, reg_reg, Operation);
}

// INC and DEC keep CF.
struct Increment {
  template <typename T>
  static T apply(LazyFlags& f, T a) {
    const std::uint8_t carry = f.carry;
    const T r = add_with_flags(f, a, T{1});
    f.carry = carry;
    return r;
  }
};
struct Decrement {
  template <typename T>
  static T apply(LazyFlags& f, T a) {
    const std::uint8_t carry = f.carry;
    const T r = subtract_with_flags(f, a, T{1});
    f.carry = carry;
    return r;
  }
};
struct Negate {
  template <typename T>
  static T apply(LazyFlags& f, T a) {
    return subtract_with_flags(f, T{0}, a);
  }
};
struct Not {
  template <typename T>
  static T apply(LazyFlags&, T a) {
    return static_cast<T>(~a);
  }
};

template <typename T, typename Operation>
bool unary_reg(Core& c, const Op& op) {
  c.set_reg<T>(op.dst, Operation::apply(c.flags, c.reg<T>(op.dst)));
  return true;
}

template <typename T, typename Operation>
bool unary_mem(Core& c, const Op& op) {
  return c.modify<T>(c.address(op), [&](T value) { return Operation::apply(c.flags, value); });
}

template <typename Operation>
Handler unary(const Decoded& d) {
  const unsigned size = d.size(0);
  return d.is_memory(0) ? HV_BY_SIZE(size, unary_mem, Operation)
                        : HV_BY_SIZE(size, unary_reg, Operation);
}

}  // namespace

Handler select_arithmetic(const Decoded& d, Op&, bool&) {
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_ADD:
      return binary<Add>(d);
    case ZYDIS_MNEMONIC_ADC:
      return binary<AddCarry>(d);
    case ZYDIS_MNEMONIC_SUB:
      return binary<Subtract>(d);
    case ZYDIS_MNEMONIC_SBB:
      return binary<SubtractBorrow>(d);
    case ZYDIS_MNEMONIC_CMP:
      return binary<Compare>(d);
    case ZYDIS_MNEMONIC_AND:
      return binary<And>(d);
    case ZYDIS_MNEMONIC_OR:
      return binary<Or>(d);
    case ZYDIS_MNEMONIC_XOR:
      return binary<Xor>(d);
    case ZYDIS_MNEMONIC_TEST:
      return binary<Test>(d);
    case ZYDIS_MNEMONIC_INC:
      return unary<Increment>(d);
    case ZYDIS_MNEMONIC_DEC:
      return unary<Decrement>(d);
    case ZYDIS_MNEMONIC_NEG:
      return unary<Negate>(d);
    case ZYDIS_MNEMONIC_NOT:
      return unary<Not>(d);
    default:
      return nullptr;
  }
}

}  // namespace hypervet::sim
