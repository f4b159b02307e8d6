// SPDX-License-Identifier: Apache-2.0
// The zones of a host-managed disk (virtio 1.4, 5.2.6): which state each is in, where it is written
// next, and what a request may do. Zone 0 is conventional, the last but one read-only, the last one
// offline, all others are to be written in sequence. An implicitly open zone is never closed by the
// device itself. One device, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/devices/disk.h"

namespace hypervet::devices {

class Zones {
 public:
  static constexpr std::uint32_t kSectors = 512;   // of a zone
  static constexpr std::uint32_t kCapacity = 448;  // of them for data, but in a conventional zone
  static constexpr std::uint32_t kCount = 8;
  static constexpr std::uint32_t kMaxOpen = 2, kMaxActive = 3, kMaxAppend = 64;
  static constexpr std::size_t kDescriptorSize = 64;  // in a report

  enum class Status : std::uint8_t {  // VIRTIO_BLK_S_...
    kOk = 0,
    kInvalid = 3,
    kUnaligned = 4,
    kOpenResource = 5,
    kActiveResource = 6
  };

  Zones() { restore(); }
  void restore();  // as the disk was made

  // Requests on the zone that begins at this sector; a sector that begins none is invalid.
  Status open(std::uint64_t sector);
  Status close(std::uint64_t sector);
  Status finish(std::uint64_t sector);
  Status reset(std::uint64_t sector, Disk& disk);
  void reset_all(Disk& disk);

  // Inside the disk. What may be written is counted as written.
  Status read(std::uint64_t first, std::uint64_t count) const;
  Status write(std::uint64_t first, std::uint64_t count);
  // `sector` becomes where the data goes.
  Status append(std::uint64_t& sector, std::uint64_t count);

  void describe(std::size_t zone, std::span<std::uint8_t, kDescriptorSize> to) const;

 private:
  enum class State : std::uint8_t {  // VIRTIO_BLK_ZS_...
    kNotSequential = 0,
    kEmpty = 1,
    kImplicitlyOpen = 2,
    kExplicitlyOpen = 3,
    kClosed = 4,
    kReadOnly = 13,
    kFull = 14,
    kOffline = 15
  };
  struct Zone {
    State state = State::kEmpty;
    std::uint64_t written = 0;  // sectors before the write pointer
    bool sequential() const { return state != State::kNotSequential; }
    bool is_open() const {
      return state == State::kImplicitlyOpen || state == State::kExplicitlyOpen;
    }
  };

  Zone* beginning_at(std::uint64_t sector);
  bool within_one(std::uint64_t first, std::uint64_t count) const;
  Status make_open(Zone& zone, State as);
  void empty(std::size_t zone, Disk& disk);

  std::array<Zone, kCount> zones_;
};

}  // namespace hypervet::devices
