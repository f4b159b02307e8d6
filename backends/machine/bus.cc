// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/bus.h"

#include <stdexcept>

namespace hypervet::machine {
namespace {

std::uint64_t all_ones(unsigned size) {
  return size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (size * 8)) - 1;
}

}  // namespace

template <typename Device>
void Bus::insert(std::vector<Range<Device>>& ranges, Range<Device> range) {
  if (range.begin >= range.end) throw std::invalid_argument("empty range on the bus");
  for (const auto& other : ranges) {
    if (range.begin < other.end && other.begin < range.end) {
      throw std::invalid_argument("overlapping ranges on the bus");
    }
  }
  ranges.push_back(range);
}

// An access that reaches across the end of a range belongs to nobody.
template <typename Device>
const Bus::Range<Device>* Bus::find(const std::vector<Range<Device>>& ranges, std::uint64_t at,
                                    unsigned size) {
  for (const auto& range : ranges) {
    if (at >= range.begin && at < range.end && range.end - at >= size) return &range;
  }
  return nullptr;
}

void Bus::map_ports(std::uint16_t first, std::uint16_t count, PortDevice& device) {
  const std::uint64_t end = std::uint64_t{first} + count;
  if (end > 0x1'0000) throw std::invalid_argument("ports beyond 0xffff");
  insert(ports_, Range<PortDevice>{first, end, &device});
}

void Bus::map_mmio(std::uint64_t base, std::uint64_t size, MmioDevice& device) {
  insert(mmio_, Range<MmioDevice>{base, base + size, &device});
}

std::uint32_t Bus::port_in(std::uint16_t port, unsigned size) const {
  const auto* range = find(ports_, port, size);
  if (range == nullptr) return static_cast<std::uint32_t>(all_ones(size));
  return range->device->port_in(static_cast<std::uint16_t>(port - range->begin), size);
}

void Bus::port_out(std::uint16_t port, unsigned size, std::uint32_t value) const {
  const auto* range = find(ports_, port, size);
  if (range == nullptr) return;
  range->device->port_out(static_cast<std::uint16_t>(port - range->begin), size, value);
}

std::uint64_t Bus::mmio_read(std::uint64_t gpa, unsigned size) const {
  const auto* range = find(mmio_, gpa, size);
  return range == nullptr ? all_ones(size) : range->device->mmio_read(gpa - range->begin, size);
}

void Bus::mmio_write(std::uint64_t gpa, unsigned size, std::uint64_t value) const {
  const auto* range = find(mmio_, gpa, size);
  if (range != nullptr) range->device->mmio_write(gpa - range->begin, size, value);
}

}  // namespace hypervet::machine
