// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/queue_set.h"

#include <algorithm>
#include <bit>

namespace hypervet::devices {

QueueSet::QueueSet(const Device& device, std::uint16_t size_limit, Dma& dma, QueueOwner& owner)
    : dma_(dma), owner_(owner), queues_(device.queue_count()) {
  for (unsigned i = 0; i < count(); ++i) {
    queues_[i].size_max = std::min(device.queue_size_max(i), size_limit);
    reset(i);
  }
}

std::uint16_t QueueSet::size_max(unsigned index) const {
  return index < count() ? queues_[index].size_max : std::uint16_t{0};
}

QueueRegisters* QueueSet::settable(unsigned index) {
  if (index >= count() || queues_[index].registers.enabled) return nullptr;
  return &queues_[index].registers;
}

void QueueSet::set_size(unsigned index, std::uint64_t size, bool packed) {
  QueueRegisters* const registers = settable(index);
  if (registers == nullptr || size == 0 || size > queues_[index].size_max) return;
  if (!packed && !std::has_single_bit(size)) return;
  registers->size = static_cast<std::uint16_t>(size);
}

void QueueSet::enable(unsigned index) {
  if (index < count()) queues_[index].registers.enabled = true;
}

void QueueSet::disable(unsigned index) {
  if (index >= count()) return;
  queues_[index].ring.reset();
  queues_[index].registers.enabled = false;
}

void QueueSet::reset(unsigned index) {
  if (index >= count()) return;
  queues_[index].ring.reset();
  queues_[index].registers = {.size = queues_[index].size_max};
}

void QueueSet::reset_all() {
  for (unsigned i = 0; i < count(); ++i) reset(i);
}

Virtqueue* QueueSet::ring(unsigned index, std::uint64_t features) {
  if (index >= count() || !queues_[index].registers.enabled) return nullptr;
  One& one = queues_[index];
  if (one.ring == nullptr) {
    const QueueRegisters& set = one.registers;
    one.ring = make_virtqueue({index, set.size, set.descriptors, set.driver, set.device, features},
                              dma_, owner_);
  }
  return one.ring.get();
}

}  // namespace hypervet::devices
