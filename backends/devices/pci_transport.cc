// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/pci_transport.h"

#include <algorithm>
#include <array>
#include <vector>

#include "backends/devices/pci_host.h"
#include "backends/violations/rule_effects.h"

namespace hypervet::devices {
namespace {

constexpr std::uint8_t kCommonCfg = 1, kNotifyCfg = 2, kIsrCfg = 3, kDeviceCfg = 4, kPciCfg = 5,
                       kVendorCfg = 9;
constexpr unsigned kStructures = 0, kMsixBar = 1;  // BARs
constexpr std::uint32_t kBarSize = 0x4000;
constexpr std::uint32_t kCommon = 0x0000, kIsr = 0x1000, kDeviceConfig = 0x2000, kNotify = 0x3000;
constexpr std::uint32_t kCommonSize = 0x40;
constexpr std::uint32_t kNotifyMultiplier = 4;
constexpr std::uint8_t kQueueInterrupt = 1, kConfigInterrupt = 2;
constexpr unsigned kAccessData = 16, kAccessSize = 4;

// The class says what a driver may hope for; all else is a device of no class.
std::uint32_t class_of(std::uint32_t device) {
  switch (device) {
    case 1:
      return 0x02'0000;
    case 2:
      return 0x01'8000;
    case 3:
      return 0x07'8000;
    default:
      return 0xff'0000;
  }
}

PciIdentity identity_of(const Device& device) {
  return {.vendor = 0x1af4,
          .device = static_cast<std::uint16_t>(0x1040 + device.id()),
          .revision = 1,
          .class_code = class_of(device.id()),
          .subsystem_vendor = 0x1af4,
          .subsystem = 0x40};
}

}  // namespace

PciTransport::PciTransport(Device& device, Board& board, machine::GuestMemory& memory,
                           violations::Interposer& interposer, const TransportOptions& options)
    : Transport(device, board, memory, interposer, options, bit(kNotifConfigData)),
      PciFunction(identity_of(device)),
      msix_(options.msix ? std::min(queues().count() + 1, Msix::kMaxVectors) : 0,
            [this](std::uint64_t address, std::uint32_t data) {
              if (reaches_memory()) this->board().send_msi(address, data);
            }) {
  add_bar(kStructures, kBarSize);
  set_interrupt(kPciGsi);
  if (msix_.vectors() != 0) {
    add_bar(kMsixBar, Msix::kBarSize);
    const unsigned last = msix_.vectors() - 1;
    const std::array<std::uint8_t, 12> capability = {0x11,
                                                     0,
                                                     static_cast<std::uint8_t>(last),
                                                     static_cast<std::uint8_t>(last >> 8),
                                                     kMsixBar | Msix::kTable,
                                                     0,
                                                     0,
                                                     0,
                                                     kMsixBar,
                                                     Msix::kPending >> 8,
                                                     0,
                                                     0};
    msix_place_ = add_capability(capability);
    capabilities_.push_back({"msix", msix_place_, msix_place_ + unsigned{capability.size()}});
    make_writable(msix_place_ + 3, {0xc0});
  }
  add_structure(kCommonCfg, kCommon, kCommonSize);
  add_structure(kNotifyCfg, kNotify, kNotifyMultiplier * queues().count(), kNotifyMultiplier);
  add_structure(kIsrCfg, kIsr, 1);
  const auto config = static_cast<std::uint32_t>(device.config().size());
  if (config != 0) add_structure(kDeviceCfg, kDeviceConfig, config);
  add_structure(kPciCfg, 0, 0, 0);
  // 4.1.4.8: two bytes of vendor_id (of no member of the PCI-SIG), and a greeting.
  constexpr std::array<std::uint8_t, 12> kVendorData = {0x09, 0,   12,  kVendorCfg, 0x34, 0x12,
                                                        'h',  'y', 'p', 'e',        'r',  0};
  const unsigned vendor = add_capability(kVendorData);
  capabilities_.push_back({"vendor", vendor, vendor + unsigned{kVendorData.size()}});
}

// 4.1.4; the fifth dword is notify_off_multiplier, or pci_cfg_data.
void PciTransport::add_structure(std::uint8_t type, std::uint32_t offset, std::uint32_t length,
                                 std::optional<std::uint32_t> multiplier) {
  std::vector<std::uint8_t> bytes(multiplier ? 20 : 16);
  bytes[0] = 0x09;
  bytes[2] = static_cast<std::uint8_t>(bytes.size());
  bytes[3] = type;
  bytes[4] = kStructures;
  violations::put_number(offset | std::uint64_t{length} << 32, std::span(bytes).subspan(8));
  if (multiplier) violations::put_number(*multiplier, std::span(bytes).subspan(16));
  const unsigned place = add_capability(bytes);
  constexpr std::string_view kNames[] = {"", "common", "notify", "isr", "device", "access"};
  capabilities_.push_back({kNames[type], place, place + unsigned(bytes.size())});
  if (type != kPciCfg) return;
  access_place_ = place;
  make_writable(place + 4, {0xff});
  make_writable(place + 8,
                {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
}

void PciTransport::power_on() {
  PciFunction::power_on();
  msix_.reset();
  device_half_ = driver_half_ = 0;
  Transport::power_on();
}

// --- Configuration space
// -----------------------------------------------------------------------------------

bool PciTransport::touches_access_data(unsigned offset, std::size_t size) const {
  const unsigned data = access_place_ + kAccessData;
  return offset < data + kAccessSize && offset + size > data;
}

std::optional<PciTransport::Access> PciTransport::access_window() const {
  const Access access{.bar = field<std::uint8_t>(access_place_ + 4),
                      .offset = field<std::uint32_t>(access_place_ + 8),
                      .size = field<std::uint32_t>(access_place_ + 12)};
  const bool width = access.size == 1 || access.size == 2 || access.size == 4;
  if (!width || access.offset % access.size != 0) return std::nullopt;
  if (access.offset + access.size > bar_size(access.bar)) return std::nullopt;
  return access;
}

// What the seam is told of an access.
violations::ConfigContext PciTransport::config_access(unsigned offset, bool write) const {
  violations::ConfigContext context{.offset = offset, .write = write};
  for (const Capability& each : capabilities_) {
    if (offset < each.begin || offset >= each.end) continue;
    context.capability = each.name;
    context.capability_begin = each.begin;
  }
  return context;
}

void PciTransport::config_read(unsigned offset, std::span<std::uint8_t> to) {
  if (touches_access_data(offset, to.size())) {
    if (const auto access = access_window()) {
      const std::uint64_t value = bar_read(access->bar, access->offset, access->size);
      violations::put_number(value, std::span(&byte(access_place_ + kAccessData), access->size));
    }
  }
  PciFunction::config_read(offset, to);
  interposer().config(violations::Seam::kPciConfig, config_access(offset, false), to);
}

void PciTransport::config_write(unsigned offset, std::span<const std::uint8_t> from) {
  std::vector<std::uint8_t> bytes(from.begin(), from.end());
  if (!interposer().config(violations::Seam::kPciConfig, config_access(offset, true), bytes)) {
    return;
  }
  const bool mastered = command(kPciBusMaster);
  PciFunction::config_write(offset, bytes);
  if (touches_access_data(offset, bytes.size())) {
    if (const auto access = access_window()) {
      const std::uint64_t value =
          violations::number_of(std::span(&byte(access_place_ + kAccessData), access->size));
      bar_write(access->bar, access->offset, access->size, value);
    }
  }
  msix_control_written();
  update_line();
  if (!mastered && command(kPciBusMaster)) serve_all();
}

void PciTransport::msix_control_written() {
  if (msix_place_ == 0) return;
  const auto control = field<std::uint16_t>(msix_place_ + 2);
  msix_.control((control & 0x8000) != 0, (control & 0x4000) != 0);
}

// --- BARs
// --------------------------------------------------------------------------------------------------

std::uint64_t PciTransport::bar_read(unsigned bar, std::uint64_t offset, unsigned size) {
  if (bar == kMsixBar) return msix_.read(offset, size);
  if (bar != kStructures) return 0;
  if (offset < kIsr) return common_read(offset - kCommon, size);
  if (offset < kDeviceConfig) return offset == kIsr ? read_isr() : 0;
  if (offset >= kNotify) return 0;
  std::uint8_t bytes[8] = {};
  read_config(offset - kDeviceConfig, std::span(bytes).first(size));
  return violations::number_of(std::span(bytes).first(size));
}

void PciTransport::bar_write(unsigned bar, std::uint64_t offset, unsigned size,
                             std::uint64_t value) {
  if (bar == kMsixBar) return msix_.write(offset, size, value);
  if (bar != kStructures) return;
  if (offset < kIsr) return common_write(offset - kCommon, size, value);
  if (offset < kDeviceConfig) return;
  if (offset >= kNotify) return notify_written(size, value);
  std::uint8_t bytes[8];
  violations::put_number(value, bytes);
  write_config(offset - kDeviceConfig, std::span(bytes).first(size));
}

// 4.1.5.2. The value names the queue; where it was written does not matter.
void PciTransport::notify_written(unsigned size, std::uint64_t value) {
  if (size < 2) return;
  auto queue = static_cast<std::uint16_t>(value);
  if (negotiated(kNotifConfigData)) queue = static_cast<std::uint16_t>(queue - kNotifyDataBase);
  notify(queue);
}

// --- Interrupts
// --------------------------------------------------------------------------------------------

void PciTransport::interrupt(const violations::VirtioInterrupt& how, unsigned queue) {
  const std::uint8_t event = how.config ? kConfigInterrupt : kQueueInterrupt;
  // The bit of queues is unused with MSI-X, that of the configuration is not (4.1.4.5.1).
  if (!how.status_unset && (how.config || !msix_.enabled())) isr_ |= event;
  if (how.status_uncleared) sticky_ |= event;
  if (msix_.enabled()) {
    const QueueRegisters* const registers = queues().registers(queue);
    const std::uint16_t vector = how.config ? config_vector_ : registers->vector;
    if (vector != kNoVector) msix_.raise(vector);
    return;
  }
  if (isr_ == 0 && !command(kPciInterruptDisable)) board().set_line(true);
  update_line();
}

void PciTransport::update_line() {
  const bool waiting = isr_ != 0 && !msix_.enabled();
  std::uint8_t& status = byte(kPciStatus);
  status = static_cast<std::uint8_t>((status & ~kPciInterruptStatus) |
                                     (waiting ? kPciInterruptStatus : 0));
  board().set_line(waiting && !command(kPciInterruptDisable));
}

std::uint8_t PciTransport::read_isr() {
  const auto value = static_cast<std::uint8_t>(shown(VirtioRegister::kInterruptStatus, isr_));
  isr_ &= sticky_;
  update_line();
  return value;
}

void PciTransport::reset_interrupts() {
  isr_ = sticky_ = 0;
  config_vector_ = kNoVector;
  update_line();
}

}  // namespace hypervet::devices
