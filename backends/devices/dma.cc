// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/dma.h"

#include <utility>

namespace hypervet::devices {
namespace {

// How long a violation keeps a write back behind the one that it should have come before: long
// enough for a driver that polls to look.
constexpr std::uint64_t kHeldBack = 50'000;

}  // namespace

bool Dma::read(unsigned queue, std::uint64_t address, std::span<std::uint8_t> to) {
  if (!memory_.read(address, to)) return false;
  interposer_.dma_read_buffer(queue, to);
  return true;
}

bool Dma::write(unsigned queue, std::uint64_t address, std::span<const std::uint8_t> from,
                std::uint64_t end) {
  if (!memory_.contains(address, from.size())) return false;
  if (interposer_.watches_dma_writes()) {
    changed_write({DmaField::kBuffer, queue}, address, from, end);
    return true;
  }
  return memory_.write(address, from);
}

void Dma::changed_write(const violations::DmaContext& context, std::uint64_t address,
                        std::span<const std::uint8_t> from, std::uint64_t end) {
  violations::DmaWrite write{
      .address = address, .bytes = {from.begin(), from.end()}, .behind = end};
  interposer_.change_dma_write(context, write);
  if (write.hold) return held_.push_back(std::move(write));
  if (!write.drop) memory_.write(write.address, write.bytes);
  if (!write.spill.empty()) memory_.write(write.behind, write.spill);
  if (!held_.empty() && interposer_.releases_dma_writes(context)) {
    later_(kHeldBack, [this] { release_held(); });
  }
}

void Dma::release_held() {
  for (const violations::DmaWrite& write : std::exchange(held_, {})) {
    if (!write.drop) memory_.write(write.address, write.bytes);
  }
}

}  // namespace hypervet::devices
