// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/zones.h"

#include <algorithm>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {

void Zones::restore() {
  zones_ = {};
  zones_.front().state = State::kNotSequential;
  zones_[kCount - 2].state = State::kReadOnly;
  zones_[kCount - 1].state = State::kOffline;
}

Zones::Zone* Zones::beginning_at(std::uint64_t sector) {
  const std::uint64_t zone = sector / kSectors;
  return sector % kSectors == 0 && zone < kCount ? &zones_[zone] : nullptr;
}

// An open zone needs one of the open ones, and one that is not closed needs an active one too.
Zones::Status Zones::make_open(Zone& zone, State as) {
  if (!zone.is_open()) {
    std::uint32_t open = 0, active = 0;
    for (const Zone& each : zones_) {
      open += each.is_open() ? 1 : 0;
      active += each.is_open() || each.state == State::kClosed ? 1 : 0;
    }
    if (zone.state != State::kClosed && active == kMaxActive) return Status::kActiveResource;
    if (open == kMaxOpen) return Status::kOpenResource;
  } else if (as == State::kImplicitlyOpen) {
    return Status::kOk;
  }
  zone.state = as;
  return Status::kOk;
}

Zones::Status Zones::open(std::uint64_t sector) {
  Zone* const zone = beginning_at(sector);
  const bool can = zone != nullptr && (zone->is_open() || zone->state == State::kEmpty ||
                                       zone->state == State::kClosed);
  return can ? make_open(*zone, State::kExplicitlyOpen) : Status::kInvalid;
}

Zones::Status Zones::close(std::uint64_t sector) {
  Zone* const zone = beginning_at(sector);
  if (zone == nullptr) return Status::kInvalid;
  if (zone->is_open()) {
    zone->state = zone->written == 0 ? State::kEmpty : State::kClosed;
    return Status::kOk;
  }
  return zone->state == State::kClosed ? Status::kOk : Status::kInvalid;
}

Zones::Status Zones::finish(std::uint64_t sector) {
  Zone* const zone = beginning_at(sector);
  if (zone == nullptr || !(zone->is_open() || zone->state == State::kFull)) return Status::kInvalid;
  zone->state = State::kFull;
  return Status::kOk;
}

Zones::Status Zones::reset(std::uint64_t sector, Disk& disk) {
  const Zone* const zone = beginning_at(sector);
  if (zone == nullptr || !zone->sequential() || zone->state == State::kReadOnly ||
      zone->state == State::kOffline)
    return Status::kInvalid;
  empty(sector / kSectors, disk);
  return Status::kOk;
}

void Zones::reset_all(Disk& disk) {
  for (std::uint64_t zone = 0; zone < kCount; ++zone) (void)reset(zone * kSectors, disk);
}

// What was written must not be read any more.
void Zones::empty(std::size_t zone, Disk& disk) {
  if (zones_[zone].written != 0) disk.zero(zone * kSectors, kSectors);
  zones_[zone] = {};
}

// Or in several conventional ones.
bool Zones::within_one(std::uint64_t first, std::uint64_t count) const {
  if (count == 0) return true;
  const std::uint64_t from = first / kSectors, to = (first + count - 1) / kSectors;
  return from == to ||
         std::ranges::none_of(std::span(zones_).subspan(from, to - from + 1), &Zone::sequential);
}

Zones::Status Zones::read(std::uint64_t first, std::uint64_t count) const {
  if (!within_one(first, count)) return Status::kInvalid;
  const bool offline = count != 0 && zones_[first / kSectors].state == State::kOffline;
  return offline ? Status::kInvalid : Status::kOk;
}

Zones::Status Zones::write(std::uint64_t first, std::uint64_t count) {
  if (count == 0) return Status::kOk;
  if (!within_one(first, count)) return Status::kInvalid;
  Zone& zone = zones_[first / kSectors];
  if (!zone.sequential()) return Status::kOk;
  if (zone.state == State::kReadOnly || zone.state == State::kOffline || zone.state == State::kFull)
    return Status::kInvalid;
  if (first % kSectors != zone.written) return Status::kUnaligned;
  if (count > kCapacity - zone.written) return Status::kInvalid;
  const Status opened = make_open(zone, State::kImplicitlyOpen);
  if (opened != Status::kOk) return opened;
  zone.written += count;
  if (zone.written == kCapacity) zone.state = State::kFull;
  return Status::kOk;
}

Zones::Status Zones::append(std::uint64_t& sector, std::uint64_t count) {
  const Zone* const zone = beginning_at(sector);
  if (zone == nullptr || !zone->sequential() || count == 0 || count > kMaxAppend)
    return Status::kInvalid;
  const std::uint64_t at = sector + zone->written;
  const Status status = write(at, count);
  if (status == Status::kOk) sector = at;
  return status;
}

// struct virtio_blk_zone_descriptor
void Zones::describe(std::size_t zone, std::span<std::uint8_t, kDescriptorSize> to) const {
  constexpr std::uint8_t kConventional = 1, kSequentialRequired = 2;
  const Zone& one = zones_[zone];
  std::ranges::fill(to, std::uint8_t{0});
  const std::span<std::uint8_t> bytes = to;
  store_le<std::uint64_t>(bytes, 0, one.sequential() ? kCapacity : kSectors);
  store_le<std::uint64_t>(bytes, 8, zone * kSectors);
  store_le<std::uint64_t>(bytes, 16, zone * kSectors + one.written);
  bytes[24] = one.sequential() ? kSequentialRequired : kConventional;
  bytes[25] = static_cast<std::uint8_t>(one.state);
}

}  // namespace hypervet::devices
