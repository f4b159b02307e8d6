// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/fingerprint.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

constexpr off_t kSmall = 64 << 10;

// Odd, with bits spread evenly; any such numbers would do.
constexpr std::uint64_t kFirst = 0x9e37'79b9'7f4a'7c15;
constexpr std::uint64_t kSecond = 0xbf58'476d'1ce4'e5b9;
constexpr std::uint64_t kThird = 0x94d0'49bb'1331'11eb;

std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30)) * kSecond;
  x = (x ^ (x >> 27)) * kThird;
  return x ^ (x >> 31);
}

}  // namespace

// Each step is a bijection of the state, so no two states that differ ever meet.
void Fingerprint::mix(std::uint64_t word) {
  a_ = (std::rotl(a_, 27) ^ (word * kFirst)) * kSecond;
  b_ = (std::rotl(b_, 31) ^ (std::rotl(word, 32) * kThird)) * kFirst + a_;
}

void Fingerprint::add(std::span<const std::byte> bytes) {
  mix(bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), size);
    mix(word);
    bytes = bytes.subspan(size);
  }
}

std::expected<void, std::string> Fingerprint::add_file(const std::filesystem::path& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(fmt::format("{}: {}", path.string(), std::strerror(errno)));
  }
  add(path.native());
  add(static_cast<std::uint64_t>(status.st_size));
  if (status.st_size > kSmall || !S_ISREG(status.st_mode)) {
    add(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    add(static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
    return {};
  }
  const auto file = process::MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  add(file->bytes());
  return {};
}

std::string Fingerprint::hex() const {
  return fmt::format("{:016x}{:016x}", scramble(a_), scramble(b_ + std::rotl(a_, 17)));
}

}  // namespace hypervet::lab
