// SPDX-License-Identifier: Apache-2.0
// What a program may do to a virtio device, by names that hold on every transport: the one table of
// registers, regions and vectors. Freestanding; included by both sides. Sections are of virtio 1.4.
//
// A program has one device at a time: the one that the last kVirtioFind found. Rings are plain
// memory of the arena which the host lays out when it compiles a case; the agent's part is to reach
// the device's registers, to notify and to take its interrupts.
#pragma once

#include <cstdint>
#include <string_view>

namespace hypervet::protocol {

enum class VirtioTransport : std::uint32_t { kMmio = 0, kPci = 1 };

// Registers that mean the same on both transports, or belong to one. Where a register is one of a
// queue, the op's index names the queue and the agent selects it first (QueueSel, queue_select).
enum class VirtioRegister : std::uint32_t {
  kDeviceFeatures = 0,    // 64 bits: both halves, selected by 0 and 1
  kDriverFeatures = 1,    // 64 bits, likewise
  kStatus = 2,            // device status, 2.1
  kConfigGeneration = 3,  // ConfigGeneration, config_generation
  kQueueCount = 4,        // PCI: num_queues
  kQueueSizeMax = 5,      // QueueSizeMax; PCI: queue_size as the device presents it
  kQueueSize = 6,         // QueueSize, queue_size
  kQueueEnable = 7,       // QueueReady, queue_enable
  kQueueDesc = 8,         // 64 bits: descriptor area
  kQueueDriver = 9,       // 64 bits: driver area
  kQueueDevice = 10,      // 64 bits: device area
  kQueueReset = 11,       // QueueReset, queue_reset
  kInterruptStatus = 12,  // InterruptStatus; PCI: ISR status, which reading clears
  kInterruptAck = 13,     // MMIO: InterruptACK
  kConfigVector = 14,     // PCI: config_msix_vector
  kQueueVector = 15,      // PCI: queue_msix_vector
  kQueueNotifyOff = 16,   // PCI: queue_notify_off
  kQueueNotifyData = 17,  // PCI: queue_notif_config_data
  kMagic = 18,            // MMIO: MagicValue
  kVersion = 19,          // MMIO: Version
  kDeviceId = 20,         // MMIO: DeviceID; PCI: device ID of the configuration header - 0x1040
  kVendorId = 21,         // MMIO: VendorID; PCI: subsystem vendor ID
};

struct VirtioRegisterEntry {
  VirtioRegister reg;
  std::string_view name;  // as specs write it
  bool queue;             // one of each queue
  bool mmio;
  bool pci;
};

inline constexpr VirtioRegisterEntry kVirtioRegisters[] = {
    {VirtioRegister::kDeviceFeatures, "device_features", false, true, true},
    {VirtioRegister::kDriverFeatures, "driver_features", false, true, true},
    {VirtioRegister::kStatus, "device_status", false, true, true},
    {VirtioRegister::kConfigGeneration, "config_generation", false, true, true},
    {VirtioRegister::kQueueCount, "num_queues", false, false, true},
    {VirtioRegister::kQueueSizeMax, "queue_size_max", true, true, true},
    {VirtioRegister::kQueueSize, "queue_size", true, true, true},
    {VirtioRegister::kQueueEnable, "queue_enable", true, true, true},
    {VirtioRegister::kQueueDesc, "queue_desc", true, true, true},
    {VirtioRegister::kQueueDriver, "queue_driver", true, true, true},
    {VirtioRegister::kQueueDevice, "queue_device", true, true, true},
    {VirtioRegister::kQueueReset, "queue_reset", true, true, true},
    {VirtioRegister::kInterruptStatus, "interrupt_status", false, true, true},
    {VirtioRegister::kInterruptAck, "interrupt_ack", false, true, false},
    {VirtioRegister::kConfigVector, "config_msix_vector", false, false, true},
    {VirtioRegister::kQueueVector, "queue_msix_vector", true, false, true},
    {VirtioRegister::kQueueNotifyOff, "queue_notify_off", true, false, true},
    {VirtioRegister::kQueueNotifyData, "queue_notif_config_data", true, false, true},
    {VirtioRegister::kMagic, "magic", false, true, false},
    {VirtioRegister::kVersion, "version", false, true, false},
    {VirtioRegister::kDeviceId, "device_id", false, true, true},
    {VirtioRegister::kVendorId, "vendor_id", false, true, true},
};

// Raw windows of the device, for accesses of any width at any offset.
enum class VirtioRegion : std::uint32_t {
  kRegisters = 0,    // MMIO: the registers from MagicValue on; PCI: the common configuration
  kNotify = 1,       // PCI: the notification structure; MMIO: QueueNotify alone
  kIsr = 2,          // PCI alone
  kConfig = 3,       // the device-specific configuration
  kMsixTable = 4,    // PCI alone
  kMsixPending = 5,  // PCI alone
  kPciHeader = 6,    // PCI: configuration space of the function
  kPciBar = 7,       // PCI: the first BAR with a virtio structure in it, from its start
};

struct VirtioRegionEntry {
  VirtioRegion region;
  std::string_view name;
  bool mmio;
  bool pci;
};

inline constexpr VirtioRegionEntry kVirtioRegions[] = {
    {VirtioRegion::kRegisters, "registers", true, true},
    {VirtioRegion::kNotify, "notify", true, true},
    {VirtioRegion::kIsr, "isr", false, true},
    {VirtioRegion::kConfig, "config", true, true},
    {VirtioRegion::kMsixTable, "msix-table", false, true},
    {VirtioRegion::kMsixPending, "msix-pending", false, true},
    {VirtioRegion::kPciHeader, "pci-config", false, true},
    {VirtioRegion::kPciBar, "bar", false, true},
};

// How the device's interrupts reach the program (kVirtioInterrupts).
enum class VirtioInterrupts : std::uint32_t {
  kNone = 0,    // polled
  kLine = 1,    // the MMIO device's line, or INTx; the agent reads and acknowledges the cause
  kMsix = 2,    // PCI: table entry 0 is the configuration's, entry 1 + q queue q's
  kNative = 3,  // kMsix where the device has a table that large, else kLine
};

// Interrupts as programs count and await them (kCounts, kAwaitInterrupts), whatever brought them.
// In line mode the agent tells the causes apart by InterruptStatus or ISR; there used buffers of
// any queue count as every queue's.
inline constexpr std::uint32_t kVirtioConfigVector = 0x60;
inline constexpr std::uint32_t kVirtioQueueVector = 0x61;  // + queue
inline constexpr std::uint32_t kVirtioQueueVectors = 16;
inline constexpr std::uint32_t kVirtioLineVector = 0x72;  // the line itself, acknowledged or not
inline constexpr std::uint16_t kVirtioNoVector = 0xffff;  // 4.1.5.1.2
inline constexpr unsigned kVirtioMaxQueues = 64;

// What kVirtioFind answers, as Values.
struct VirtioFound {
  std::uint64_t found;              // 1; 0: no such device on that transport, all else 0
  std::uint64_t device;             // device ID, 5
  std::uint64_t vendor;             // VendorID; PCI: subsystem vendor ID
  std::uint64_t version;            // MMIO: Version; PCI: revision ID
  std::uint64_t msix;               // PCI: entries of the MSI-X table, 0: none
  std::uint64_t line;               // its GSI; ~0: not known
  std::uint64_t notify_multiplier;  // PCI: notify_off_multiplier
  std::uint64_t config_size;        // PCI: length of the device-specific structure; MMIO: 0
};

// What kVirtioCapability answers, as Values: one vendor-specific capability of the PCI function
// (4.1.4), the nth of its cfg_type from 0.
struct VirtioCapability {
  std::uint64_t found;  // 1; 0: none, all else 0
  std::uint64_t place;  // offset of the capability in configuration space
  std::uint64_t cap_len;
  std::uint64_t bar;
  std::uint64_t id;
  std::uint64_t offset;  // 64 bits where the capability has them
  std::uint64_t length;
  std::uint64_t address;  // guest-physical, of the structure; 0: its BAR has none
};

}  // namespace hypervet::protocol
