// SPDX-License-Identifier: Apache-2.0
// Which device answers at a port or at a physical address outside RAM. The bus refers to the
// devices, which must outlive it; wiring is done once, before the guest runs. One machine, one
// thread.
#pragma once

#include <cstdint>
#include <vector>

namespace hypervet::machine {

class PortDevice {
 public:
  virtual ~PortDevice() = default;
  // offset: from the first port of its range; size: 1, 2, 4 bytes.
  virtual std::uint32_t port_in(std::uint16_t offset, unsigned size) = 0;
  virtual void port_out(std::uint16_t offset, unsigned size, std::uint32_t value) = 0;
};

class MmioDevice {
 public:
  virtual ~MmioDevice() = default;
  // offset: from the start of its range; size: 1, 2, 4, 8 bytes.
  virtual std::uint64_t mmio_read(std::uint64_t offset, unsigned size) = 0;
  virtual void mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) = 0;
};

class Bus {
 public:
  // Throws std::invalid_argument for a range that is empty, wraps, or overlaps another.
  void map_ports(std::uint16_t first, std::uint16_t count, PortDevice& device);
  void map_mmio(std::uint64_t base, std::uint64_t size, MmioDevice& device);

  // Where nobody answers a read gives all ones and a write is lost, as on a PC.
  std::uint32_t port_in(std::uint16_t port, unsigned size) const;
  void port_out(std::uint16_t port, unsigned size, std::uint32_t value) const;
  std::uint64_t mmio_read(std::uint64_t gpa, unsigned size) const;
  void mmio_write(std::uint64_t gpa, unsigned size, std::uint64_t value) const;

 private:
  template <typename Device>
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
    Device* device;
  };
  template <typename Device>
  static void insert(std::vector<Range<Device>>& ranges, Range<Device> range);
  template <typename Device>
  static const Range<Device>* find(const std::vector<Range<Device>>& ranges, std::uint64_t at,
                                   unsigned size);

  std::vector<Range<PortDevice>> ports_;
  std::vector<Range<MmioDevice>> mmio_;
};

}  // namespace hypervet::machine
