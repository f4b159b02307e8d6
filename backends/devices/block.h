// SPDX-License-Identifier: Apache-2.0
// The block device, 5.2: reads, writes, flush, ID, lifetime, discard, write zeroes and secure
// erase on a disk in memory, all done when the request is served. Variants: read-only, multiqueue,
// zoned (host-managed, without discard and write zeroes).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "backends/devices/device.h"
#include "backends/devices/disk.h"
#include "backends/devices/queue.h"
#include "backends/devices/zones.h"

namespace hypervet::devices {

enum class BlockKind : std::uint8_t { kPlain, kReadOnly, kMultiqueue, kZoned };

class Block final : public Device {
 public:
  // Feature bits, 5.2.3.
  static constexpr unsigned kSizeMax = 1, kSegMax = 2, kGeometry = 4, kReadOnly = 5, kBlkSize = 6,
                            kFlush = 9, kTopology = 10, kConfigWce = 11, kMq = 12, kDiscard = 13,
                            kWriteZeroes = 14, kLifetime = 15, kSecureErase = 16, kZoned = 17;
  static constexpr std::uint64_t kSectors = 4096;
  static constexpr std::uint32_t kMaxSegmentSize = 0x1'0000, kMaxDataSegments = 126;
  static constexpr std::uint32_t kMaxRangeSectors = 1024, kMaxRanges = 4;
  static constexpr std::uint64_t kMaxReport = 0x1'0000;  // bytes of one report

  explicit Block(BlockKind kind);

  std::uint32_t id() const override { return 2; }
  std::uint64_t own_features() const override;
  unsigned queue_count() const override { return kind_ == BlockKind::kMultiqueue ? 4 : 1; }
  std::uint16_t queue_size_max(unsigned) const override { return 256; }
  std::span<const std::uint8_t> config() const override;
  void write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;
  // No bit needs another, but a host-managed disk is none without its zones (5.2.5.2).
  bool accepts(std::uint64_t features) const override {
    return kind_ != BlockKind::kZoned || (features & bit(kZoned)) != 0;
  }
  void notified(unsigned queue) override;
  void reset() override { writeback_.reset(); }
  void power_on() override;

  // resize-disk {sectors}
  bool has_verb(std::string_view name) const override { return name == "resize-disk"; }
  Answer act(std::string_view name, std::span<const std::uint64_t> arguments) override;

 private:
  // Beyond these: Zones::Status.
  enum class Status : std::uint8_t { kOk = 0, kIoError = 1, kUnsupported = 2, kInvalidZone = 3 };
  struct Request {
    std::uint32_t type = 0;
    std::uint64_t sector = 0;
    std::uint64_t readable = 0;  // bytes of data either way
    std::uint64_t writable = 0;
  };

  void serve(Queue& queue, const Chain& chain);
  Status perform(Queue& queue, const Chain& chain, const Request& request);
  Status read(Queue& queue, const Chain& chain, const Request& request);
  Status write(Queue& queue, const Chain& chain, const Request& request);
  Status get_id(Queue& queue, const Chain& chain, const Request& request);
  Status get_lifetime(Queue& queue, const Chain& chain, const Request& request);
  Status change_ranges(Queue& queue, const Chain& chain, const Request& request);
  Status copy_in(Queue& queue, const Chain& chain, const Request& request);
  // block_zones.cc
  Status zone_request(Queue& queue, const Chain& chain, const Request& request);
  Status report_zones(Queue& queue, const Chain& chain, const Request& request) const;
  Status append(Queue& queue, const Chain& chain, Request request);
  Status erase_zones(std::span<const std::uint8_t> ranges);
  bool zoned() const { return kind_ == BlockKind::kZoned; }
  bool within_limits(const Chain& chain) const;
  bool writes_back() const;

  BlockKind kind_;
  Disk disk_{kSectors};
  Zones zones_;
  std::optional<std::uint8_t> writeback_;  // what the driver wrote
  mutable std::array<std::uint8_t, 96> config_{};
};

}  // namespace hypervet::devices
