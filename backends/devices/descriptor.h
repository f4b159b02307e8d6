// SPDX-License-Identifier: Apache-2.0
// Descriptors in guest memory: 16 bytes, split (2.7.5) or packed (2.8.13), in a ring or in an
// indirect table. Guest-controlled.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/devices/dma.h"

namespace hypervet::devices {

inline constexpr std::uint64_t kDescriptorSize = 16;
inline constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4;  // 2.7.5, 2.8.5 to 2.8.8
inline constexpr std::uint16_t kAvailable = 1 << 7, kUsed = 1 << 15;  // packed, 2.8.1

struct Descriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;
  std::uint16_t next = 0;  // packed: buffer ID
};

// Every field is read once. nullopt: the descriptor is not in RAM.
inline std::optional<Descriptor> load_split(Dma& dma, unsigned queue, std::uint64_t at,
                                            bool indirect) {
  using enum DmaField;
  const auto address = dma.load<std::uint64_t>(indirect ? kIndirectAddr : kDescAddr, queue, at);
  const auto length = dma.load<std::uint32_t>(indirect ? kIndirectLen : kDescLen, queue, at + 8);
  const auto flags =
      dma.load<std::uint16_t>(indirect ? kIndirectFlags : kDescFlags, queue, at + 12);
  const auto next = dma.load<std::uint16_t>(indirect ? kIndirectNext : kDescNext, queue, at + 14);
  if (!address || !length || !flags || !next) return std::nullopt;
  return Descriptor{*address, *length, *flags, *next};
}

// Flags first: they say whether the rest is the device's to read. In an indirect table the ID is
// reserved and not read (2.8.8).
inline std::optional<Descriptor> load_packed(Dma& dma, unsigned queue, std::uint64_t at,
                                             bool indirect) {
  using enum DmaField;
  const auto flags =
      dma.load<std::uint16_t>(indirect ? kIndirectFlags : kDescFlags, queue, at + 14);
  const auto address = dma.load<std::uint64_t>(indirect ? kIndirectAddr : kDescAddr, queue, at);
  const auto length = dma.load<std::uint32_t>(indirect ? kIndirectLen : kDescLen, queue, at + 8);
  const auto id = indirect ? 0 : dma.load<std::uint16_t>(kDescId, queue, at + 12);
  if (!address || !length || !flags || !id) return std::nullopt;
  return Descriptor{*address, *length, *flags, *id};
}

}  // namespace hypervet::devices
