// SPDX-License-Identifier: Apache-2.0
// The reference block device behind its MMIO transport on a board of its own, and a driver that
// has so many reads in flight at once: chains of three descriptors in a split or a packed ring.
// Nothing else of a machine. One thread. Sections are of virtio 1.4.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>

#include "backends/devices/block.h"
#include "backends/devices/descriptor.h"
#include "backends/devices/mmio_transport.h"
#include "backends/machine/guest_memory.h"
#include "backends/violations/interposer.h"

namespace hypervet::benchmarks {

// The block device with a queue for 256 chains of three; its own has 128 entries.
class DeepBlock final : public devices::Device {
 public:
  static constexpr std::uint16_t kQueueSize = 1024;

  std::uint32_t id() const override { return block_.id(); }
  std::uint64_t own_features() const override { return block_.own_features(); }
  unsigned queue_count() const override { return block_.queue_count(); }
  std::uint16_t queue_size_max(unsigned) const override { return kQueueSize; }
  std::span<const std::uint8_t> config() const override { return block_.config(); }
  void write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    block_.write_config(offset, bytes);
  }
  bool accepts(std::uint64_t features) const override { return block_.accepts(features); }
  void notified(unsigned queue) override { block_.notified(queue); }
  void reset() override { block_.reset(); }
  void power_on() override {
    block_.attach(host());
    block_.power_on();
  }

 private:
  devices::Block block_{devices::BlockKind::kPlain};
};

// Time stands still until the device has something to do.
class StillBoard final : public devices::Board {
 public:
  std::uint64_t now() const override { return now_; }
  void wake_at(std::optional<std::uint64_t> when) override { wanted_ = when; }
  void set_line(bool) override {}
  void send_msi(std::uint64_t, std::uint32_t) override {}
  void hang() override { throw std::logic_error("the device hangs the driver"); }

  // False: the device wants nothing.
  bool pass() {
    if (wanted_ && *wanted_ > now_) now_ = *wanted_;
    return wanted_.has_value();
  }

 private:
  std::uint64_t now_ = 0;
  std::optional<std::uint64_t> wanted_;
};

class RingHost {
 public:
  // `depth` reads of `bytes`, each of its own sectors into its own place.
  RingHost(bool packed, unsigned depth, std::uint32_t bytes)
      : packed_(packed), depth_(depth), bytes_(bytes) {
    transport_.power_on();
    for (const std::uint8_t status : {1, 3}) put_register(0x070, status);
    for (const std::uint32_t half : {0u, 1u}) {
      std::uint64_t features = devices::bit(devices::kVersion1);
      if (packed_) features |= devices::bit(devices::kRingPacked);
      put_register(0x024, half);
      put_register(0x020, static_cast<std::uint32_t>(features >> 32 * half));
    }
    put_register(0x070, 11);
    put_register(0x030, 0);
    put_register(0x038, kSize);
    put_register(0x080, kDescriptors);
    put_register(0x090, kDriverArea);
    put_register(0x0a0, kDeviceArea);
    put_register(0x044, 1);
    put_register(0x070, 15);
    for (unsigned i = 0; i < depth_; ++i) {
      put<std::uint64_t>(kHeaders + 16 * i + 8, i * (bytes_ / devices::kSector));
      put<std::uint8_t>(status(i), 0xff);
      if (!packed_) describe_split(i);
    }
  }

  // All made available, notified, served and taken back. False: not all came back whole.
  bool turn() {
    if (packed_) {
      for (unsigned i = 0; i < depth_; ++i) submit_packed(i);
    } else {
      submit_split();
    }
    put_register(0x050, 0);
    while (board_.pass()) transport_.work();
    return packed_ ? take_packed() : take_split();
  }

  // Has each read brought what the disk holds, and said so?
  bool arrived() const {
    for (std::uint64_t i = 0; i < depth_; ++i) {
      if (*memory_.load<std::uint8_t>(status(i)) != 0) return false;
      for (std::uint64_t at = 0; at < bytes_; at += 8) {
        const auto word = (i * bytes_ + at) / 8;
        if (*memory_.load<std::uint64_t>(data(i) + at) != devices::Disk::kPattern + word)
          return false;
      }
    }
    return true;
  }

  // The floor: as many bytes, to the same places.
  void copy(const std::uint8_t* from) {
    for (std::uint64_t i = 0; i < depth_; ++i)
      std::memcpy(memory_.raw() + data(i), from + i * bytes_, bytes_);
  }

 private:
  static constexpr unsigned kSize = DeepBlock::kQueueSize, kChain = 3;
  static constexpr std::uint64_t kDescriptors = 0x1'0000, kDriverArea = 0x2'0000,
                                 kDeviceArea = 0x3'0000, kHeaders = 0x4'0000, kStatus = 0x5'0000,
                                 kData = 0x10'0000;
  static constexpr std::uint64_t kMemory = 0x40'0000;

  std::uint64_t data(std::uint64_t i) const { return kData + i * bytes_; }
  static std::uint64_t status(std::uint64_t i) { return kStatus + i; }

  template <typename T>
  void put(std::uint64_t at, T value) {
    std::memcpy(memory_.raw() + at, &value, sizeof value);
  }
  template <typename T>
  T get(std::uint64_t at) const {
    T value;
    std::memcpy(&value, memory_.data() + at, sizeof value);
    return value;
  }
  void put_register(std::uint64_t offset, std::uint64_t value) {
    transport_.mmio_write(offset, 4, value);
  }

  struct Piece {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags;
  };
  Piece piece(std::uint64_t i, unsigned part) const {
    using namespace devices;
    if (part == 0) return {kHeaders + 16 * i, 16, kNext};
    if (part == 1) return {data(i), bytes_, kNext | kWrite};
    return {status(i), 1, kWrite};
  }

  // --- Split, 2.7: descriptors stay, heads are made available again.
  void describe_split(unsigned i) {
    for (unsigned part = 0; part < kChain; ++part) {
      const auto [address, length, flags] = piece(i, part);
      const std::uint64_t at = kDescriptors + devices::kDescriptorSize * (kChain * i + part);
      put(at, address);
      put(at + 8, length);
      put(at + 12, flags);
      put(at + 14, static_cast<std::uint16_t>(part + 1 < kChain ? kChain * i + part + 1 : 0));
    }
  }
  void submit_split() {
    for (unsigned i = 0; i < depth_; ++i)
      put(kDriverArea + 4 + 2 * ((index_ + i) % kSize), static_cast<std::uint16_t>(kChain * i));
    index_ = static_cast<std::uint16_t>(index_ + depth_);
    put(kDriverArea + 2, index_);
  }
  bool take_split() {
    if (get<std::uint16_t>(kDeviceArea + 2) != index_) return false;
    bool whole = true;
    for (unsigned i = 0; i < depth_; ++i) {
      const auto slot = static_cast<std::uint16_t>(index_ - depth_ + i) % kSize;
      const std::uint64_t at = kDeviceArea + 4 + 8 * std::uint64_t{slot};
      whole &= get<std::uint32_t>(at) == kChain * i && get<std::uint32_t>(at + 4) == bytes_ + 1;
    }
    return whole;
  }

  // --- Packed, 2.8: the device overwrites descriptors, so all are written again.
  struct Place {
    unsigned slot = 0;
    bool wrap = true;
    std::uint64_t address() const { return kDescriptors + devices::kDescriptorSize * slot; }
    void advance(unsigned by) {
      slot += by;
      if (slot < kSize) return;
      slot -= kSize;
      wrap = !wrap;
    }
  };
  void submit_packed(unsigned i) {
    const Place head = available_;
    std::uint16_t head_flags = 0;
    for (unsigned part = 0; part < kChain; ++part) {
      auto [address, length, flags] = piece(i, part);
      flags |= available_.wrap ? devices::kAvailable : devices::kUsed;
      const std::uint64_t at = available_.address();
      put(at, address);
      put(at + 8, length);
      put(at + 12, static_cast<std::uint16_t>(i));
      if (part == 0) {
        head_flags = flags;
      } else {
        put(at + 14, flags);
      }
      available_.advance(1);
    }
    put(head.address() + 14, head_flags);
  }
  bool take_packed() {
    bool whole = true;
    for (unsigned i = 0; i < depth_; ++i) {
      const std::uint64_t at = used_.address();
      const auto flags = get<std::uint16_t>(at + 14);
      whole &= ((flags & devices::kUsed) != 0) == used_.wrap &&
               ((flags & devices::kAvailable) != 0) == used_.wrap &&
               get<std::uint16_t>(at + 12) == i && get<std::uint32_t>(at + 8) == bytes_ + 1;
      used_.advance(kChain);
    }
    return whole;
  }

  const bool packed_;
  const unsigned depth_;
  const std::uint32_t bytes_;
  machine::GuestMemory memory_{kMemory};
  violations::Interposer interposer_;
  StillBoard board_;
  DeepBlock block_;
  devices::MmioTransport transport_{block_, board_, memory_, interposer_,
                                    devices::TransportOptions{}};
  std::uint16_t index_ = 0;  // split
  Place available_, used_;   // packed
};

}  // namespace hypervet::benchmarks
