// SPDX-License-Identifier: Apache-2.0
// Virtio over PCI (4.1) as a non-transitional device: one function, the structures in BAR 0, the
// MSI-X table in BAR 1. Owned by the machine; thread as transport.h says.
//
// pci_transport.cc: configuration space, BARs, interrupts. pci_common_config.cc: the common
// configuration structure.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/devices/msix.h"
#include "backends/devices/pci_function.h"
#include "backends/devices/transport.h"

namespace hypervet::devices {

// What queue_notif_config_data adds to a queue's index: a driver that ignores it is found out.
inline constexpr std::uint16_t kNotifyDataBase = 0x100;

class PciTransport final : public Transport, public PciFunction {
 public:
  PciTransport(Device& device, Board& board, machine::GuestMemory& memory,
               violations::Interposer& interposer, const TransportOptions& options);

  void power_on() override;

  // PciFunction.
  void config_read(unsigned offset, std::span<std::uint8_t> to) override;
  void config_write(unsigned offset, std::span<const std::uint8_t> from) override;
  std::uint64_t bar_read(unsigned bar, std::uint64_t offset, unsigned size) override;
  void bar_write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) override;

 private:
  void interrupt(const violations::VirtioInterrupt& how, unsigned queue) override;
  void reset_interrupts() override;
  bool reaches_memory() const override { return command(kPciBusMaster); }

  void add_structure(std::uint8_t type, std::uint32_t offset, std::uint32_t length,
                     std::optional<std::uint32_t> multiplier = {});
  // The window of the configuration access capability (4.1.4.9), where it is a sound one.
  struct Access {
    unsigned bar = 0;
    std::uint64_t offset = 0;
    unsigned size = 0;
  };
  std::optional<Access> access_window() const;
  violations::ConfigContext config_access(unsigned offset, bool write) const;
  bool touches_access_data(unsigned offset, std::size_t size) const;
  void msix_control_written();
  void update_line();
  std::uint8_t read_isr();
  void notify_written(unsigned size, std::uint64_t value);

  std::uint64_t common_read(std::uint64_t offset, unsigned size);
  void common_write(std::uint64_t offset, unsigned size, std::uint64_t value);
  std::uint32_t common_field(std::uint64_t offset);
  void set_common_field(std::uint64_t offset, std::uint32_t value);
  std::uint16_t mapped(std::uint64_t vector) const;
  bool admin_out_of_range() { return switched("pci-admin-queues-out-of-range"); }

  Msix msix_;
  unsigned msix_place_ = 0;    // of the capability; 0: none
  unsigned access_place_ = 0;  // of the configuration access capability
  struct Capability {
    std::string_view name;  // as the seam of configuration space knows it
    unsigned begin, end;    // in configuration space
  };
  std::vector<Capability> capabilities_;
  std::uint32_t device_half_ = 0;
  std::uint32_t driver_half_ = 0;
  std::uint16_t config_vector_ = kNoVector;
  std::uint8_t isr_ = 0;
  std::uint8_t sticky_ = 0;  // its bits that a violation keeps from being cleared
};

}  // namespace hypervet::devices
