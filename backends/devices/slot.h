// SPDX-License-Identifier: Apache-2.0
// The one place in a machine for a virtio device: whatever the settings `device`, `transport` and
// `variant` say, wired to the machine's bus, or nothing. Owned by the machine; one thread at a
// time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backends/devices/board.h"
#include "backends/devices/device.h"
#include "backends/devices/mmio_transport.h"
#include "backends/devices/pci_host.h"
#include "backends/devices/pci_transport.h"
#include "backends/machine/bus.h"
#include "guest-payloads/protocol/host_verbs.h"

namespace hypervet::devices {

using Settings = std::map<std::string, std::string, std::less<>>;

// Empty, or why the device that these settings ask for cannot be had.
std::optional<std::string> refuses_slot(const Settings& settings);
// What the agent's command line says of it, with a space in front; empty: there is none.
std::string slot_command_line(const Settings& settings);
// Which interrupt line a device behind that transport drives.
unsigned slot_gsi(const Settings& settings);

class Slot {
 public:
  // Board, memory and interposer must outlive it. Nothing is powered on yet.
  Slot(const Settings& settings, Board& board, machine::GuestMemory& memory,
       violations::Interposer& interposer);

  bool occupied() const { return device_ != nullptr; }
  // Is an access there the device's, or its bus's?
  bool claims_memory(std::uint64_t address) const;
  bool claims_port(std::uint16_t port) const;
  void attach(machine::Bus& bus);
  void power_on();
  void work() { transport().work(); }

  // A host verb of some device; it may be another's.
  struct Answer {
    protocol::HostStatus status = protocol::HostStatus::kUnknownVerb;
    std::uint64_t result = 0;
  };
  Answer act(protocol::HostVerb verb, std::span<const std::uint64_t> arguments);

 private:
  Transport& transport() { return mmio_ ? static_cast<Transport&>(*mmio_) : *pci_; }

  std::unique_ptr<Device> device_;
  std::unique_ptr<MmioTransport> mmio_;
  std::unique_ptr<PciTransport> pci_;
  std::unique_ptr<PciHost> host_;
};

}  // namespace hypervet::devices
