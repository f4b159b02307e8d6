// SPDX-License-Identifier: Apache-2.0
// The requests of a zoned disk (virtio 1.4, 5.2.6).
#include <array>
#include <vector>

#include "backends/devices/block.h"
#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

static_assert(Zones::kCount * Zones::kSectors == Block::kSectors);

constexpr std::uint32_t kAppend = 15, kReport = 16, kOpen = 18, kClose = 20, kFinish = 22,
                        kReset = 24, kResetAll = 26;
constexpr std::size_t kRange = 16, kReportHeader = 64;

}  // namespace

Block::Status Block::zone_request(Queue& queue, const Chain& chain, const Request& request) {
  switch (request.type) {
    case kAppend:
      return append(queue, chain, request);
    case kReport:
      return report_zones(queue, chain, request);
    case kOpen:
      return static_cast<Status>(zones_.open(request.sector));
    case kClose:
      return static_cast<Status>(zones_.close(request.sector));
    case kFinish:
      return static_cast<Status>(zones_.finish(request.sector));
    case kReset:
      return static_cast<Status>(zones_.reset(request.sector, disk_));
    case kResetAll:
      zones_.reset_all(disk_);
      return Status::kOk;
    default:
      return Status::kUnsupported;
  }
}

// From the zone on that holds the sector, as many as there is room for.
Block::Status Block::report_zones(Queue& queue, const Chain& chain, const Request& request) const {
  if (!disk_.contains(request.sector, 1)) return Status::kInvalidZone;
  if (request.writable < kReportHeader || request.writable > kMaxReport) return Status::kIoError;
  std::vector<std::uint8_t> bytes(kReportHeader);
  std::uint64_t told = 0;
  for (std::uint64_t zone = request.sector / Zones::kSectors;
       zone < Zones::kCount && bytes.size() + Zones::kDescriptorSize <= request.writable;
       ++zone, ++told) {
    std::array<std::uint8_t, Zones::kDescriptorSize> one;
    zones_.describe(zone, one);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  store_le(std::span(bytes), 0, told);
  // The status behind it tells how far the buffer is written: no byte of it may be left out.
  bytes.resize(request.writable);
  return queue.write(chain, 0, bytes) == bytes.size() ? Status::kOk : Status::kIoError;
}

// The data lies at the write pointer, and the driver is told where that was.
Block::Status Block::append(Queue& queue, const Chain& chain, Request request) {
  std::array<std::uint8_t, 8> place{};
  if (request.readable % kSector != 0 || request.writable != place.size()) return Status::kIoError;
  const Zones::Status status = zones_.append(request.sector, request.readable / kSector);
  if (status != Zones::Status::kOk) return static_cast<Status>(status);
  store_le(std::span<std::uint8_t>(place), 0, request.sector);
  if (queue.write(chain, 0, place) != place.size()) return Status::kIoError;
  return copy_in(queue, chain, request);
}

// A secure erase is a reset of whole zones.
Block::Status Block::erase_zones(std::span<const std::uint8_t> ranges) {
  for (std::size_t at = 0; at < ranges.size(); at += kRange) {
    const auto first = load_le<std::uint64_t>(ranges, at);
    const auto sectors = load_le<std::uint32_t>(ranges, at + 8);
    if (sectors % Zones::kSectors != 0) return Status::kIoError;
    for (std::uint64_t zone = first; zone < first + sectors; zone += Zones::kSectors) {
      const Zones::Status status = zones_.reset(zone, disk_);
      if (status != Zones::Status::kOk) return static_cast<Status>(status);
    }
  }
  return Status::kOk;
}

}  // namespace hypervet::devices
