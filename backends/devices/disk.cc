// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/disk.h"

#include <algorithm>
#include <cstring>

namespace hypervet::devices {

void Disk::read(std::uint64_t first, std::span<std::uint8_t> to) const {
  for (; !to.empty(); ++first, to = to.subspan(kSector)) {
    const auto kept = written_.find(first);
    if (kept != written_.end()) {
      std::ranges::copy(kept->second, to.begin());
      continue;
    }
    for (std::uint64_t word = 0; word < kSector / 8; ++word) {
      const std::uint64_t value = kPattern + first * (kSector / 8) + word;
      std::memcpy(to.data() + 8 * word, &value, sizeof(value));
    }
  }
}

void Disk::write(std::uint64_t first, std::span<const std::uint8_t> from) {
  for (; !from.empty(); ++first, from = from.subspan(kSector)) {
    std::ranges::copy(from.first(kSector), written_[first].begin());
  }
}

void Disk::zero(std::uint64_t first, std::uint64_t count) {
  for (; count != 0; ++first, --count) written_[first].fill(0);
}

void Disk::resize(std::uint64_t sectors) {
  std::erase_if(written_, [&](const auto& one) { return one.first >= sectors; });
  sectors_ = sectors;
}

}  // namespace hypervet::devices
