// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/block.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

// Request types, 5.2.6.
constexpr std::uint32_t kIn = 0, kOut = 1, kFlushCache = 4, kGetId = 8, kGetLifetime = 10,
                        kDiscardRanges = 11, kZeroRanges = 13, kEraseRanges = 14,
                        kFirstOfZones = 15, kLastOfZones = 26;
constexpr std::size_t kHeader = 16, kRange = 16, kIdSize = 20;
constexpr std::string_view kId = "hypervet-disk";
constexpr std::uint32_t kUnmap = 1;

// Offsets in the configuration, 5.2.4.
constexpr std::size_t kCapacity = 0, kSizeMaxAt = 8, kSegMaxAt = 12, kGeometryAt = 16,
                      kBlkSizeAt = 20, kTopologyAt = 24, kWritebackAt = 32, kNumQueuesAt = 34,
                      kDiscardAt = 36, kWriteZeroesAt = 48, kMayUnmapAt = 56, kSecureEraseAt = 60,
                      kZonedAt = 72;

constexpr std::size_t kPiece = 0x1'0000;  // bytes copied at once
constexpr std::uint64_t kMostSectors = 0x1'0000;

}  // namespace

Block::Block(BlockKind kind) : kind_(kind) {
  const std::span<std::uint8_t> to(config_);
  store_le<std::uint32_t>(to, kSizeMaxAt, kMaxSegmentSize);
  store_le<std::uint32_t>(to, kSegMaxAt, kMaxDataSegments);
  store_le<std::uint32_t>(to, kGeometryAt, 8 | 16 << 16 | 32 << 24);  // 8 * 16 * 32 sectors
  store_le<std::uint32_t>(to, kBlkSizeAt, kSector);
  store_le<std::uint32_t>(to, kTopologyAt, 3 | 8 << 16);  // blocks of 4 KiB, at least one at once
  store_le<std::uint32_t>(to, kTopologyAt + 4, 128);
  store_le<std::uint16_t>(to, kNumQueuesAt, static_cast<std::uint16_t>(queue_count()));
  for (const std::size_t at : {kDiscardAt, kWriteZeroesAt, kSecureEraseAt}) {
    store_le<std::uint32_t>(to, at, kMaxRangeSectors);
    store_le<std::uint32_t>(to, at + 4, kMaxRanges);
  }
  store_le<std::uint32_t>(to, kDiscardAt + 8, 8);
  config_[kMayUnmapAt] = 0;  // nothing is ever deallocated
  store_le<std::uint32_t>(to, kSecureEraseAt + 8, zoned() ? Zones::kSectors : 8);
  if (!zoned()) return;
  constexpr std::uint32_t kHostManaged = 1;
  const std::array<std::uint32_t, 6> zones = {Zones::kSectors,   Zones::kMaxOpen, Zones::kMaxActive,
                                              Zones::kMaxAppend, kSector,         kHostManaged};
  for (std::size_t i = 0; i < zones.size(); ++i) store_le(to, kZonedAt + 4 * i, zones[i]);
}

void Block::power_on() {
  disk_.restore();
  zones_.restore();
  writeback_.reset();
}

std::uint64_t Block::own_features() const {
  std::uint64_t features = bit(kSizeMax) | bit(kSegMax) | bit(kGeometry) | bit(kBlkSize) |
                           bit(kFlush) | bit(kTopology) | bit(kConfigWce) | bit(kLifetime);
  if (kind_ == BlockKind::kReadOnly) return features | bit(kReadOnly);
  features |= bit(kSecureErase);
  if (zoned()) return features | bit(kZoned);
  if (kind_ == BlockKind::kMultiqueue) features |= bit(kMq);
  return features | bit(kDiscard) | bit(kWriteZeroes);
}

// A device that cannot be flushed begins as write-through, 5.2.5.2.
bool Block::writes_back() const {
  if (writeback_) return *writeback_ != 0;
  return host().features() == 0 || host().negotiated(kFlush);
}

std::span<const std::uint8_t> Block::config() const {
  store_le<std::uint64_t>(std::span(config_), kCapacity, disk_.sectors());
  config_[kWritebackAt] = writes_back() ? 1 : 0;
  return config_;
}

void Block::write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  const bool there = offset <= kWritebackAt && kWritebackAt - offset < bytes.size();
  if (!there || !host().negotiated(kConfigWce)) return;
  writeback_ = bytes[kWritebackAt - offset] & 1;
}

Device::Answer Block::act(std::string_view, std::span<const std::uint64_t> arguments) {
  const std::uint64_t sectors = arguments.empty() ? 0 : arguments[0];
  if (sectors == 0 || sectors > kMostSectors || zoned()) return {};
  disk_.resize(sectors);
  host().config_changed();
  return {.done = true};
}

void Block::notified(unsigned index) {
  Queue* const queue = host().queue(index);
  if (queue == nullptr) return;
  while (const auto chain = queue->take()) serve(*queue, *chain);
}

// The status is the last writable byte. Where data before it was not written, no byte counts as
// written: the used length is counted from the start (2.7.8.2).
void Block::serve(Queue& queue, const Chain& chain) {
  const std::uint64_t readable = chain.readable_size(), writable = chain.writable_size();
  if (writable == 0) return queue.give_back(chain, 0);  // nowhere to say what came of it
  std::array<std::uint8_t, kHeader> header;
  Status status = Status::kIoError;
  Request request{.readable = readable > kHeader ? readable - kHeader : 0,
                  .writable = writable - 1};
  if (queue.read(chain, 0, header) == kHeader) {
    request.type = load_le<std::uint32_t>(header, 0);
    request.sector = load_le<std::uint64_t>(header, 8);
    status = perform(queue, chain, request);
  }
  const std::array<std::uint8_t, 1> byte = {static_cast<std::uint8_t>(status)};
  const bool told = queue.write(chain, request.writable, byte) == 1;
  const bool whole = status == Status::kOk || request.writable == 0;
  queue.give_back(chain, told && whole ? static_cast<std::uint32_t>(writable) : 0);
}

Block::Status Block::perform(Queue& queue, const Chain& chain, const Request& request) {
  switch (request.type) {
    case kIn:
      return read(queue, chain, request);
    case kOut:
      return write(queue, chain, request);
    case kFlushCache:
      return host().negotiated(kFlush) ? Status::kOk : Status::kUnsupported;
    case kGetId:
      return get_id(queue, chain, request);
    case kGetLifetime:
      if (!host().negotiated(kLifetime)) return Status::kUnsupported;
      return get_lifetime(queue, chain, request);
    case kDiscardRanges:
      if (!host().negotiated(kDiscard)) return Status::kUnsupported;
      return change_ranges(queue, chain, request);
    case kZeroRanges:
      if (!host().negotiated(kWriteZeroes)) return Status::kUnsupported;
      return change_ranges(queue, chain, request);
    case kEraseRanges:
      if (!host().negotiated(kSecureErase)) return Status::kUnsupported;
      return change_ranges(queue, chain, request);
    default:
      if (request.type < kFirstOfZones || request.type > kLastOfZones || !zoned())
        return Status::kUnsupported;
      return zone_request(queue, chain, request);
  }
}

// Header and status are no data: one piece more on either side.
bool Block::within_limits(const Chain& chain) const {
  if (host().negotiated(kSegMax) &&
      chain.readable.size() + chain.writable.size() > kMaxDataSegments + 2) {
    return false;
  }
  const auto large = [](const Segment& one) { return one.length > kMaxSegmentSize; };
  return !host().negotiated(kSizeMax) || (std::ranges::none_of(chain.readable, large) &&
                                          std::ranges::none_of(chain.writable, large));
}

Block::Status Block::read(Queue& queue, const Chain& chain, const Request& request) {
  if (request.writable % kSector != 0 || !within_limits(chain)) return Status::kIoError;
  if (!disk_.contains(request.sector, request.writable / kSector)) return Status::kIoError;
  if (zoned()) {
    const Zones::Status status = zones_.read(request.sector, request.writable / kSector);
    if (status != Zones::Status::kOk) return static_cast<Status>(status);
  }
  std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(request.writable, kPiece));
  for (std::uint64_t done = 0; done < request.writable;) {
    const auto piece =
        std::span(bytes).first(std::min<std::uint64_t>(request.writable - done, bytes.size()));
    disk_.read(request.sector + done / kSector, piece);
    if (queue.write(chain, done, piece) != piece.size()) return Status::kIoError;
    done += piece.size();
  }
  return Status::kOk;
}

Block::Status Block::write(Queue& queue, const Chain& chain, const Request& request) {
  if (kind_ == BlockKind::kReadOnly && !host().switched("blk-writes-read-only"))
    return Status::kIoError;
  if (request.readable % kSector != 0 || !within_limits(chain)) return Status::kIoError;
  if (!disk_.contains(request.sector, request.readable / kSector)) return Status::kIoError;
  if (zoned()) {
    const Zones::Status status = zones_.write(request.sector, request.readable / kSector);
    if (status != Zones::Status::kOk) return static_cast<Status>(status);
  }
  return copy_in(queue, chain, request);
}

Block::Status Block::copy_in(Queue& queue, const Chain& chain, const Request& request) {
  std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(request.readable, kPiece));
  for (std::uint64_t done = 0; done < request.readable;) {
    const auto piece =
        std::span(bytes).first(std::min<std::uint64_t>(request.readable - done, bytes.size()));
    if (queue.read(chain, kHeader + done, piece) != piece.size()) return Status::kIoError;
    disk_.write(request.sector + done / kSector, piece);
    done += piece.size();
  }
  return Status::kOk;
}

Block::Status Block::get_id(Queue& queue, const Chain& chain, const Request& request) {
  std::array<std::uint8_t, kIdSize> id{};
  std::ranges::copy(kId, id.begin());
  const auto part = std::span(id).first(std::min<std::uint64_t>(request.writable, kIdSize));
  return queue.write(chain, 0, part) == part.size() && request.writable <= kIdSize
             ? Status::kOk
             : Status::kIoError;
}

// A disk that has hardly been used: struct virtio_blk_lifetime.
Block::Status Block::get_lifetime(Queue& queue, const Chain& chain, const Request& request) {
  constexpr std::array<std::uint8_t, 6> kLifetimeData = {1, 0, 1, 0, 1, 0};
  return request.writable == kLifetimeData.size() &&
                 queue.write(chain, 0, kLifetimeData) == kLifetimeData.size()
             ? Status::kOk
             : Status::kIoError;
}

// Discard, write zeroes and secure erase, 5.2.6.2: every range is looked at before the first is
// changed.
Block::Status Block::change_ranges(Queue& queue, const Chain& chain, const Request& request) {
  const std::uint64_t count = request.readable / kRange;
  if (count == 0 || count > kMaxRanges || request.readable % kRange != 0) return Status::kIoError;
  std::vector<std::uint8_t> ranges(request.readable);
  if (queue.read(chain, kHeader, ranges) != ranges.size()) return Status::kIoError;
  Status status = Status::kOk;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto sectors = load_le<std::uint32_t>(ranges, i * kRange + 8);
    const auto flags = load_le<std::uint32_t>(ranges, i * kRange + 12);
    const std::uint32_t known = request.type == kZeroRanges ? kUnmap : 0;
    if ((flags & ~known) != 0) return Status::kUnsupported;
    const bool inside = disk_.contains(load_le<std::uint64_t>(ranges, i * kRange), sectors);
    if (!inside || sectors > kMaxRangeSectors) status = Status::kIoError;
  }
  if (status == Status::kOk && host().switched("blk-keeps-zeroed")) return status;
  if (status == Status::kOk && zoned()) return erase_zones(ranges);
  for (std::uint64_t i = 0; i < count && status == Status::kOk; ++i) {
    disk_.zero(load_le<std::uint64_t>(ranges, i * kRange),
               load_le<std::uint32_t>(ranges, i * kRange + 8));
  }
  return status;
}

}  // namespace hypervet::devices
