// SPDX-License-Identifier: Apache-2.0
// Tells inputs of a lab apart: 128 bits over everything added, in that order. Quick, not
// cryptographic: it guards against stale files, not against somebody who forges them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace hypervet::lab {

class Fingerprint {
 public:
  void add(std::uint64_t number) { mix(number); }
  // With its length, so that "ab" + "c" is not "a" + "bc".
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(const char* text) { add(std::string_view(text)); }
  // A file's path, size and time of change; of one up to 64 KiB the bytes instead of the time, so
  // that a fresh checkout of the same files is the same. The error is one line with the path.
  std::expected<void, std::string> add_file(const std::filesystem::path& path);

  // 32 hexadecimal digits.
  std::string hex() const;

 private:
  void mix(std::uint64_t word);

  std::uint64_t a_ = 0x6879'7065'7276'6574;
  std::uint64_t b_ = 0x243f'6a88'85a3'08d3;  // digits of pi
};

}  // namespace hypervet::lab
