// SPDX-License-Identifier: Apache-2.0
//
// MOVS, STOS, LODS, CMPS, SCAS, INS, OUTS with their repeat prefixes. Each iteration costs a tick
// and is a point where the instruction can be interrupted: RCX, RSI and RDI then say how far it
// came, and RIP stays.
#include <algorithm>

#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

constexpr unsigned kSource = 8 * kRsi, kDestination = 8 * kRdi, kCount = 8 * kRcx;

// The index registers in the address size of the instruction.
std::uint64_t index_mask(const Op& op) {
  switch (op.address) {
    case AddressKind::plain64:
      return ~std::uint64_t{0};
    case AddressKind::legacy16:
      return 0xffff;
    default:
      return 0xffffffff;
  }
}

std::uint64_t index_value(const Core& c, const Op& op, unsigned reg) {
  return c.reg<std::uint64_t>(reg) & index_mask(op);
}

void set_index(Core& c, const Op& op, unsigned reg, std::uint64_t value) {
  if (op.address == AddressKind::legacy16) {
    c.set_reg<std::uint16_t>(reg, static_cast<std::uint16_t>(value));
  } else {
    c.set_reg<std::uint64_t>(reg, value & index_mask(op));
  }
}

std::uint64_t source_address(const Core& c, const Op& op) {
  return c.segmented(op, op.segment, index_value(c, op, kSource));
}
std::uint64_t destination_address(const Core& c, const Op& op) {
  return c.segmented(op, op.base, index_value(c, op, kDestination));
}

template <typename T>
void advance(Core& c, const Op& op, unsigned reg, std::uint64_t elements = 1) {
  const std::uint64_t step = elements * sizeof(T);
  const std::uint64_t old = c.reg<std::uint64_t>(reg);
  set_index(c, op, reg, c.s.rflags & rflags::kDf ? old - step : old + step);
}

struct Bulk {
  std::uint8_t* to;
  const std::uint8_t* from;
};

// Each operation does one element, and may offer to do several that need no look between them.
struct Move {
  static constexpr bool kCompares = false;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    T value;
    if (!c.load(source_address(c, op), value) || !c.store(destination_address(c, op), value)) {
      return false;
    }
    advance<T>(c, op, kSource);
    advance<T>(c, op, kDestination);
    return true;
  }
  template <typename T>
  static std::uint64_t bulk(Core& c, const Op& op, std::uint64_t limit) {
    const std::uint64_t from_at = source_address(c, op), to_at = destination_address(c, op);
    const std::uint8_t* from = c.readable(from_at);
    std::uint8_t* to = c.writable(to_at);
    if (from == nullptr || to == nullptr) return 0;
    const std::uint64_t n = std::min(
        {limit, Core::left_in_page(from_at) / sizeof(T), Core::left_in_page(to_at) / sizeof(T)});
    // A destination just behind the source repeats what was copied before: element by element.
    for (std::uint64_t i = 0; i < n; ++i) {
      T value;
      std::memcpy(&value, from + i * sizeof(T), sizeof(T));
      std::memcpy(to + i * sizeof(T), &value, sizeof(T));
    }
    advance<T>(c, op, kSource, n);
    advance<T>(c, op, kDestination, n);
    return n;
  }
};

struct Store {
  static constexpr bool kCompares = false;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    if (!c.store(destination_address(c, op), c.reg<T>(0))) return false;
    advance<T>(c, op, kDestination);
    return true;
  }
  template <typename T>
  static std::uint64_t bulk(Core& c, const Op& op, std::uint64_t limit) {
    const std::uint64_t to_at = destination_address(c, op);
    std::uint8_t* to = c.writable(to_at);
    if (to == nullptr) return 0;
    const std::uint64_t n = std::min(limit, Core::left_in_page(to_at) / sizeof(T));
    const T value = c.reg<T>(0);
    for (std::uint64_t i = 0; i < n; ++i) std::memcpy(to + i * sizeof(T), &value, sizeof(T));
    advance<T>(c, op, kDestination, n);
    return n;
  }
};

struct Load {
  static constexpr bool kCompares = false;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    T value;
    if (!c.load(source_address(c, op), value)) return false;
    c.set_reg<T>(0, value);
    advance<T>(c, op, kSource);
    return true;
  }
};

struct CompareStrings {
  static constexpr bool kCompares = true;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    T left, right;
    // In this order: if both fault, processors report the destination.
    if (!c.load(destination_address(c, op), right) || !c.load(source_address(c, op), left)) {
      return false;
    }
    subtract_with_flags(c.flags, left, right);
    advance<T>(c, op, kSource);
    advance<T>(c, op, kDestination);
    return true;
  }
};

struct Scan {
  static constexpr bool kCompares = true;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    T value;
    if (!c.load(destination_address(c, op), value)) return false;
    subtract_with_flags(c.flags, c.reg<T>(0), value);
    advance<T>(c, op, kDestination);
    return true;
  }
};

struct Input {
  static constexpr bool kCompares = false;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    const auto port = c.reg<std::uint16_t>(8 * kRdx);
    const std::uint64_t to = destination_address(c, op);
    if (!c.port_allowed(port, sizeof(T)) || !c.probe_write(to, sizeof(T))) return false;
    if (!c.store(to, static_cast<T>(c.port_in(port, sizeof(T))))) return false;
    advance<T>(c, op, kDestination);
    return true;
  }
};

struct Output {
  static constexpr bool kCompares = false;
  template <typename T>
  static bool once(Core& c, const Op& op) {
    const auto port = c.reg<std::uint16_t>(8 * kRdx);
    T value;
    if (!c.port_allowed(port, sizeof(T)) || !c.load(source_address(c, op), value)) return false;
    c.port_out(port, sizeof(T), static_cast<std::uint32_t>(value));
    advance<T>(c, op, kSource);
    return true;
  }
};

template <typename T, typename Operation>
bool single(Core& c, const Op& op) {
  return Operation::template once<T>(c, op);
}

template <typename T, typename Operation>
bool repeated(Core& c, const Op& op) {
  std::uint64_t count = index_value(c, op, kCount);
  set_index(c, op, kCount, count);  // a 32-bit count clears the upper half in any case
  if (count == 0) return true;
  const std::uint64_t now = c.ticks();
  const std::uint64_t limit = c.deadline > now ? c.deadline - now : 1;
  // A fault leaves the flags of CMPS and SCAS as they were before the whole instruction.
  const LazyFlags before = c.flags;
  std::uint64_t done = 0;
  for (;;) {
    std::uint64_t n = 0;
    if constexpr (requires { Operation::template bulk<T>(c, op, count); }) {
      if (!(c.s.rflags & rflags::kDf) && c.attention == 0) {
        n = Operation::template bulk<T>(c, op, std::min(count, limit - done));
      }
    }
    if (n == 0) {
      if (!Operation::template once<T>(c, op)) {
        c.flags = before;
        c.charge(done);
        return false;
      }
      n = 1;
    }
    count -= n;
    done += n;
    set_index(c, op, kCount, count);
    if (count == 0) break;
    if (Operation::kCompares && c.flags.zf() != (op.repeat == Repeat::equal)) break;
    if (c.attention != 0 || done >= limit) {
      c.charge(done - 1);
      c.rip = c.ip_of(op);
      return false;
    }
  }
  c.charge(done - 1);
  return true;
}

template <typename T, typename Operation>
Handler pick(const Op& op) {
  return op.repeat == Repeat::none ? single<T, Operation> : repeated<T, Operation>;
}

template <typename Operation>
Handler by_size(unsigned size, const Op& op) {
  switch (size) {
    case 1:
      return pick<std::uint8_t, Operation>(op);
    case 2:
      return pick<std::uint16_t, Operation>(op);
    case 4:
      return pick<std::uint32_t, Operation>(op);
    default:
      return pick<std::uint64_t, Operation>(op);
  }
}

Handler select_operation(const Decoded& d, const Op& op) {
  // MOVSD and CMPSD also name SSE instructions, of another opcode map.
  if (d.insn.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) return nullptr;
  switch (d.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOVSB:
      return by_size<Move>(1, op);
    case ZYDIS_MNEMONIC_MOVSW:
      return by_size<Move>(2, op);
    case ZYDIS_MNEMONIC_MOVSD:
      return by_size<Move>(4, op);
    case ZYDIS_MNEMONIC_MOVSQ:
      return by_size<Move>(8, op);
    case ZYDIS_MNEMONIC_STOSB:
      return by_size<Store>(1, op);
    case ZYDIS_MNEMONIC_STOSW:
      return by_size<Store>(2, op);
    case ZYDIS_MNEMONIC_STOSD:
      return by_size<Store>(4, op);
    case ZYDIS_MNEMONIC_STOSQ:
      return by_size<Store>(8, op);
    case ZYDIS_MNEMONIC_LODSB:
      return by_size<Load>(1, op);
    case ZYDIS_MNEMONIC_LODSW:
      return by_size<Load>(2, op);
    case ZYDIS_MNEMONIC_LODSD:
      return by_size<Load>(4, op);
    case ZYDIS_MNEMONIC_LODSQ:
      return by_size<Load>(8, op);
    case ZYDIS_MNEMONIC_CMPSB:
      return by_size<CompareStrings>(1, op);
    case ZYDIS_MNEMONIC_CMPSW:
      return by_size<CompareStrings>(2, op);
    case ZYDIS_MNEMONIC_CMPSD:
      return by_size<CompareStrings>(4, op);
    case ZYDIS_MNEMONIC_CMPSQ:
      return by_size<CompareStrings>(8, op);
    case ZYDIS_MNEMONIC_SCASB:
      return by_size<Scan>(1, op);
    case ZYDIS_MNEMONIC_SCASW:
      return by_size<Scan>(2, op);
    case ZYDIS_MNEMONIC_SCASD:
      return by_size<Scan>(4, op);
    case ZYDIS_MNEMONIC_SCASQ:
      return by_size<Scan>(8, op);
    case ZYDIS_MNEMONIC_INSB:
      return by_size<Input>(1, op);
    case ZYDIS_MNEMONIC_INSW:
      return by_size<Input>(2, op);
    case ZYDIS_MNEMONIC_INSD:
      return by_size<Input>(4, op);
    case ZYDIS_MNEMONIC_OUTSB:
      return by_size<Output>(1, op);
    case ZYDIS_MNEMONIC_OUTSW:
      return by_size<Output>(2, op);
    case ZYDIS_MNEMONIC_OUTSD:
      return by_size<Output>(4, op);
    default:
      return nullptr;
  }
}

}  // namespace

Handler select_string(const Decoded& d, Op& op, bool&) {
  const Handler handler = select_operation(d, op);
  if (handler == nullptr) return nullptr;
  op.memory = false;
  op.stack = false;
  op.base = segment_base_word(kEs, d.width);
  op.segment = segment_base_word(segment_override(d.insn).value_or(kDs), d.width);
  return handler;
}

}  // namespace hypervet::sim
