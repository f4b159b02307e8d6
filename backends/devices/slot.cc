// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/slot.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/devices/make_device.h"

namespace hypervet::devices {
namespace {

std::string_view setting(const Settings& settings, std::string_view name,
                         std::string_view otherwise) {
  const auto found = settings.find(name);
  return found == settings.end() ? otherwise : std::string_view(found->second);
}

std::string_view device_of(const Settings& settings) { return setting(settings, "device", "none"); }
std::string_view transport_of(const Settings& settings) {
  return setting(settings, "transport", "mmio");
}
std::string_view variant_of(const Settings& settings) {
  return setting(settings, "variant", "plain");
}

}  // namespace

std::optional<std::string> refuses_slot(const Settings& settings) {
  return refuses_device(device_of(settings), transport_of(settings), variant_of(settings));
}

std::string slot_command_line(const Settings& settings) {
  if (device_of(settings) == "none") return {};
  if (transport_of(settings) == "mmio") {
    return fmt::format(" virtio_mmio.device={}@{:#x}:{}", kMmioSize, kMmioBase, kMmioGsi);
  }
  return fmt::format(" ecam={:#x} pci-window={:#x} pci-line={}", kEcamBase, kPciWindow, kPciGsi);
}

unsigned slot_gsi(const Settings& settings) {
  return transport_of(settings) == "mmio" ? kMmioGsi : kPciGsi;
}

Slot::Slot(const Settings& settings, Board& board, machine::GuestMemory& memory,
           violations::Interposer& interposer)
    : device_(make_device(device_of(settings), variant_of(settings))) {
  if (!occupied()) return;
  const TransportOptions options = transport_options(variant_of(settings));
  if (transport_of(settings) == "mmio") {
    mmio_ = std::make_unique<MmioTransport>(*device_, board, memory, interposer, options);
  } else {
    pci_ = std::make_unique<PciTransport>(*device_, board, memory, interposer, options);
    host_ = std::make_unique<PciHost>(*pci_);
  }
}

bool Slot::claims_memory(std::uint64_t address) const {
  if (mmio_) return address - kMmioBase < kMmioSize;
  return pci_ && (address - kEcamBase < kEcamSize || address - kPciWindow < kPciWindowSize);
}

bool Slot::claims_port(std::uint16_t port) const { return pci_ && port >> 3 == kPciPorts >> 3; }

void Slot::attach(machine::Bus& bus) {
  if (mmio_) bus.map_mmio(kMmioBase, kMmioSize, *mmio_);
  if (host_) host_->attach(bus);
}

void Slot::power_on() {
  if (!occupied()) return;
  if (host_) host_->power_on();
  transport().power_on();
}

Slot::Answer Slot::act(protocol::HostVerb verb, std::span<const std::uint64_t> arguments) {
  const auto* entry = std::ranges::find(protocol::kHostVerbs, verb, &protocol::HostVerbEntry::verb);
  if (entry == std::end(protocol::kHostVerbs) || !occupied()) return {};
  if (!device_->has_verb(entry->name)) return {};
  const Device::Answer answer = device_->act(entry->name, arguments);
  return {answer.done ? protocol::HostStatus::kDone : protocol::HostStatus::kBadArgument,
          answer.result};
}

}  // namespace hypervet::devices
