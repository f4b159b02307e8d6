// SPDX-License-Identifier: Apache-2.0
// Fields of virtio structures in bytes: little-endian (1.4 of virtio 1.4), or as Internet protocols
// have them. The caller has made sure that the bytes are there.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hypervet::devices {

template <std::unsigned_integral T>
constexpr T load_le(std::span<const std::uint8_t> bytes, std::size_t at = 0) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | bytes[at + i]);
  return value;
}

template <std::unsigned_integral T>
constexpr void store_le(std::span<std::uint8_t> bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[at + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
}

template <std::unsigned_integral T>
constexpr T load_be(std::span<const std::uint8_t> bytes, std::size_t at = 0) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | bytes[at + i]);
  return value;
}

template <std::unsigned_integral T>
constexpr void store_be(std::span<std::uint8_t> bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[at + i] =
        static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
}

}  // namespace hypervet::devices
