// SPDX-License-Identifier: Apache-2.0
// MSI-X of one function (PCI Local Bus 3.0, 6.8.2): table and pending bits in one BAR, masking of
// each vector and of the function. The control word lives in configuration space; its owner tells
// what the driver set there. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace hypervet::devices {

class Msix {
 public:
  static constexpr std::uint64_t kTable = 0, kPending = 0x800, kBarSize = 0x1000;
  static constexpr unsigned kMaxVectors = kPending / 16;
  using Send = std::function<void(std::uint64_t address, std::uint32_t data)>;

  Msix(unsigned vectors, Send send) : send_(std::move(send)), entries_(vectors) { reset(); }

  unsigned vectors() const { return static_cast<unsigned>(entries_.size()); }
  bool enabled() const { return enabled_; }
  // The message control word as the driver wrote it: enable, function mask.
  void control(bool enabled, bool masked);
  // Sends the vector's message, or remembers it while it is masked.
  void raise(unsigned vector);
  void reset();

  // The BAR, dwords and qwords.
  std::uint64_t read(std::uint64_t offset, unsigned size) const;
  void write(std::uint64_t offset, unsigned size, std::uint64_t value);

 private:
  struct Entry {
    std::uint32_t words[4] = {};  // address, upper address, data, control: bit 0 masks
    bool pending = false;
  };
  bool masked(const Entry& entry) const { return masked_ || (entry.words[3] & 1) != 0; }
  void deliver_pending();
  std::uint32_t read_word(std::uint64_t offset) const;
  void write_word(std::uint64_t offset, std::uint32_t value);

  Send send_;
  std::vector<Entry> entries_;
  bool enabled_ = false;
  bool masked_ = false;
};

}  // namespace hypervet::devices
