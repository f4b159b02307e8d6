// SPDX-License-Identifier: Apache-2.0
// Bus 0 of a PCI machine: a host bridge at device 0, one function at device 1, configuration by
// mechanism #1 (ports 0xcf8 and 0xcfc, PCI Local Bus 3.0, 3.2.2.3.2) and through ECAM (PCI Express
// 7.2.2), and the window that BARs may be put in. The function must outlive it; one thread at a
// time.
#pragma once

#include <cstdint>

#include "backends/devices/pci_function.h"
#include "backends/machine/bus.h"

namespace hypervet::devices {

inline constexpr std::uint64_t kEcamBase = 0xb000'0000;
inline constexpr std::uint64_t kEcamSize = 0x10'0000;  // bus 0
inline constexpr std::uint64_t kPciWindow = 0xe000'0000;
inline constexpr std::uint64_t kPciWindowSize = 0x1000'0000;
inline constexpr unsigned kPciGsi = 17;  // INTA# of the function
inline constexpr std::uint16_t kPciPorts = 0xcf8;

class PciHost {
 public:
  explicit PciHost(PciFunction& function) : function_(function) {}
  PciHost(const PciHost&) = delete;
  PciHost& operator=(const PciHost&) = delete;

  void attach(machine::Bus& bus);
  void power_on() { address_ = 0; }

 private:
  class Ports final : public machine::PortDevice {
   public:
    explicit Ports(PciHost& host) : host_(host) {}
    std::uint32_t port_in(std::uint16_t offset, unsigned size) override;
    void port_out(std::uint16_t offset, unsigned size, std::uint32_t value) override;

   private:
    PciHost& host_;
  };
  class Ecam final : public machine::MmioDevice {
   public:
    explicit Ecam(PciHost& host) : host_(host) {}
    std::uint64_t mmio_read(std::uint64_t offset, unsigned size) override;
    void mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) override;

   private:
    PciHost& host_;
  };
  class Bars final : public machine::MmioDevice {
   public:
    explicit Bars(PciHost& host) : host_(host) {}
    std::uint64_t mmio_read(std::uint64_t offset, unsigned size) override;
    void mmio_write(std::uint64_t offset, unsigned size, std::uint64_t value) override;

   private:
    PciHost& host_;
  };
  class Bridge final : public PciFunction {
   public:
    Bridge();
  };

  // `place` is bus, device and function as ECAM has them: bits 27:12, shifted down.
  PciFunction* function_at(std::uint64_t place);
  std::uint64_t config_read(std::uint64_t place, unsigned offset, unsigned size);
  void config_write(std::uint64_t place, unsigned offset, unsigned size, std::uint64_t value);

  PciFunction& function_;
  Bridge bridge_;
  Ports ports_{*this};
  Ecam ecam_{*this};
  Bars bars_{*this};
  std::uint32_t address_ = 0;  // of mechanism #1
};

}  // namespace hypervet::devices
