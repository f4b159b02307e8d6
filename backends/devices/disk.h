// SPDX-License-Identifier: Apache-2.0
// The block device's medium: sectors of 512 bytes in memory. The word of eight bytes at offset 8 *
// k holds k + kPattern, little-endian, until it is written; only sectors that were written are
// kept, so a fresh disk costs nothing. One device, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>

namespace hypervet::devices {

inline constexpr std::uint64_t kSector = 512;

class Disk {
 public:
  static constexpr std::uint64_t kPattern = 0x6469'736b'0000'0000;  // "disk" above the number

  explicit Disk(std::uint64_t sectors) : made_with_(sectors), sectors_(sectors) {}

  std::uint64_t sectors() const { return sectors_; }
  bool contains(std::uint64_t first, std::uint64_t count) const {
    return first <= sectors_ && count <= sectors_ - first;
  }
  // Whole sectors, inside the disk.
  void read(std::uint64_t first, std::span<std::uint8_t> to) const;
  void write(std::uint64_t first, std::span<const std::uint8_t> from);
  void zero(std::uint64_t first, std::uint64_t count);
  // Grown sectors have the pattern, cut ones are lost.
  void resize(std::uint64_t sectors);
  // As it was made.
  void restore() {
    written_.clear();
    sectors_ = made_with_;
  }

 private:
  using Sector = std::array<std::uint8_t, kSector>;
  std::uint64_t made_with_;
  std::uint64_t sectors_;
  std::unordered_map<std::uint64_t, Sector> written_;
};

}  // namespace hypervet::devices
