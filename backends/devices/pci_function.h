// SPDX-License-Identifier: Apache-2.0
// Configuration space of one PCI function (PCI Local Bus 3.0, 6): a type 0 header, 32-bit memory
// BARs and a list of capabilities, all plain bytes with a mask of what software may write. A class
// derived from it adds what writes mean and what lies behind the BARs. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace hypervet::devices {

// Offsets in the header, and bits there.
inline constexpr std::uint8_t kPciCommand = 0x04, kPciStatus = 0x06, kPciBar0 = 0x10,
                              kPciInterruptLine = 0x3c;
inline constexpr std::uint16_t kPciMemorySpace = 1 << 1, kPciBusMaster = 1 << 2,
                               kPciInterruptDisable = 1 << 10;
inline constexpr std::uint16_t kPciInterruptStatus = 1 << 3;
inline constexpr unsigned kPciBars = 6;

struct PciIdentity {
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;
  std::uint8_t revision = 0;
  std::uint32_t class_code = 0;  // 24 bits
  std::uint16_t subsystem_vendor = 0;
  std::uint16_t subsystem = 0;
};

class PciFunction {
 public:
  explicit PciFunction(const PciIdentity& identity);
  virtual ~PciFunction() = default;
  PciFunction(const PciFunction&) = delete;
  PciFunction& operator=(const PciFunction&) = delete;

  // Any bytes of the 256; beyond them reads give 0, as extended space without capabilities does.
  virtual void config_read(unsigned offset, std::span<std::uint8_t> to);
  virtual void config_write(unsigned offset, std::span<const std::uint8_t> from);

  // What lies behind a BAR, `offset` from its start, in the BAR; 1, 2, 4 or 8 bytes.
  virtual std::uint64_t bar_read(unsigned bar, std::uint64_t offset, unsigned size);
  virtual void bar_write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value);
  // Where it is now. Empty (size 0): not implemented, or memory is not decoded.
  struct Window {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
  };
  Window window(unsigned bar) const;
  std::uint64_t bar_size(unsigned bar) const { return bar < kPciBars ? bar_sizes_[bar] : 0; }

 protected:
  void power_on() { bytes_ = initial_; }
  // For the constructor: they become the state at power-on.
  void add_bar(unsigned bar, std::uint32_t size);  // a power of two, at least 16
  void set_interrupt(std::uint8_t line);           // INTA#
  // Appends a capability: its bytes from the ID on, `next` left out of account; answers its offset.
  std::uint8_t add_capability(std::span<const std::uint8_t> bytes);
  void make_writable(unsigned offset, std::initializer_list<std::uint8_t> mask);

  template <typename T>
  T field(unsigned offset) const {
    T value = 0;
    for (unsigned i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | bytes_[offset + i]);
    return value;
  }
  std::uint8_t& byte(unsigned offset) { return bytes_[offset]; }
  bool command(std::uint16_t bit) const { return (field<std::uint16_t>(kPciCommand) & bit) != 0; }

 private:
  void put(unsigned offset, std::uint32_t value, unsigned size);

  static constexpr unsigned kSize = 256;
  std::array<std::uint8_t, kSize> initial_{};
  std::array<std::uint8_t, kSize> bytes_{};
  std::array<std::uint8_t, kSize> writable_{};
  std::array<std::uint32_t, kPciBars> bar_sizes_{};
  unsigned free_ = 0x40;       // where the next capability goes
  unsigned last_link_ = 0x34;  // the byte that will point to it
};

}  // namespace hypervet::devices
