// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/msix.h"

namespace hypervet::devices {

void Msix::reset() {
  for (Entry& entry : entries_) entry = Entry{.words = {0, 0, 0, 1}};
  enabled_ = masked_ = false;
}

void Msix::control(bool enabled, bool masked) {
  enabled_ = enabled;
  masked_ = masked;
  deliver_pending();
}

void Msix::raise(unsigned vector) {
  if (!enabled_ || vector >= vectors()) return;
  entries_[vector].pending = true;
  deliver_pending();
}

void Msix::deliver_pending() {
  if (!enabled_) return;
  for (Entry& entry : entries_) {
    if (!entry.pending || masked(entry)) continue;
    entry.pending = false;
    send_(std::uint64_t{entry.words[1]} << 32 | entry.words[0], entry.words[2]);
  }
}

std::uint32_t Msix::read_word(std::uint64_t offset) const {
  if (offset < kPending) {
    const std::uint64_t vector = offset / 16;
    return vector < vectors() ? entries_[vector].words[offset / 4 % 4] : 0;
  }
  std::uint32_t bits = 0;
  const std::uint64_t first = (offset - kPending) * 8;
  for (std::uint64_t i = 0; i < 32 && first + i < vectors(); ++i) {
    bits |= std::uint32_t{entries_[first + i].pending} << i;
  }
  return bits;
}

void Msix::write_word(std::uint64_t offset, std::uint32_t value) {
  const std::uint64_t vector = offset / 16;
  if (offset >= kPending || vector >= vectors()) return;
  const unsigned word = offset / 4 % 4;
  entries_[vector].words[word] = word == 3 ? value & 1 : value;
  deliver_pending();
}

// Software must use aligned dwords and qwords (6.8.2); what is narrower reads its bytes and writes
// nothing.
std::uint64_t Msix::read(std::uint64_t offset, unsigned size) const {
  const std::uint64_t low = offset & ~std::uint64_t{3};
  std::uint64_t value = read_word(low);
  if (size == 8) value |= std::uint64_t{read_word(low + 4)} << 32;
  return value >> (offset % 4 * 8);
}

void Msix::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  if (size < 4 || offset % size != 0) return;
  write_word(offset, static_cast<std::uint32_t>(value));
  if (size == 8) write_word(offset + 4, static_cast<std::uint32_t>(value >> 32));
}

}  // namespace hypervet::devices
