// SPDX-License-Identifier: Apache-2.0
// What a reference virtio device is, whatever transport it stands behind. Sections are of
// virtio 1.4.
//
// A device owns its configuration and its medium; the transport owns status, features and the
// registers of queues, and calls the device. A device sees guest memory only through its queues'
// chains. Everything that it gets from there is guest-controlled: read once and bounded. A device
// that cannot go on calls DeviceHost::needs_reset().
//
// One device, one thread at a time: the machine's, or on the KVM engine the device thread under the
// machine's device lock.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace hypervet::devices {

class Queue;

// Feature bits that belong to no device, 6.
inline constexpr unsigned kIndirectDesc = 28, kEventIdx = 29, kVersion1 = 32, kAccessPlatform = 33,
                          kRingPacked = 34, kInOrder = 35, kOrderPlatform = 36, kSrIov = 37,
                          kNotificationData = 38, kNotifConfigData = 39, kRingReset = 40,
                          kAdminVq = 41;
constexpr std::uint64_t bit(unsigned feature) { return std::uint64_t{1} << feature; }

// What a device asks of the machine that it is in; given by the transport.
class DeviceHost {
 public:
  virtual ~DeviceHost() = default;
  // Features that the driver accepted and FEATURES_OK sealed; 0 before that.
  virtual std::uint64_t features() const = 0;
  bool negotiated(unsigned feature) const { return (features() & bit(feature)) != 0; }
  // DRIVER_OK is set and DEVICE_NEEDS_RESET is not: the device may use its queues.
  virtual bool running() const = 0;
  // nullptr: no such queue. A queue that is not enabled yields no chains.
  virtual Queue* queue(unsigned index) = 0;
  // The device has changed its configuration: the generation moves and the driver is told (2.5,
  // 4.1.5.3, 4.2.2.2).
  virtual void config_changed() = 0;
  // DEVICE_NEEDS_RESET, and the configuration interrupt if DRIVER_OK was set (2.1.2).
  virtual void needs_reset() = 0;
  // Calls `then` on the device's thread after that many nanoseconds of the machine's time. A reset
  // forgets it.
  virtual void after(std::uint64_t nanoseconds, std::function<void()> then) = 0;
  virtual std::uint64_t now() const = 0;  // nanoseconds of the machine's time
  // Guest memory as the host's own hand reaches it, for the buffers of host verbs: no DMA of the
  // device, so no seam. False: not RAM, nothing is done.
  virtual bool read_memory(std::uint64_t address, std::span<std::uint8_t> to) = 0;
  virtual bool write_memory(std::uint64_t address, std::span<const std::uint8_t> from) = 0;
  // Is the named switch of the reference devices on (switches.h)? Ask only where the answer changes
  // what happens: asking is committing.
  virtual bool switched(std::string_view name) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::uint32_t id() const = 0;  // device ID, 5
  // Bits 0 to 23 and 50 to 127, 2.2: the device's own. The transport adds what belongs to the ring
  // and to itself.
  virtual std::uint64_t own_features() const = 0;
  virtual unsigned queue_count() const = 0;
  virtual std::uint16_t queue_size_max(unsigned queue) const = 0;  // a power of two

  // The whole device-specific configuration as the driver may read it now (2.5), little-endian.
  // Fields of features that are not negotiated may be in it where the text lets them. Valid until
  // the next call to the device.
  virtual std::span<const std::uint8_t> config() const = 0;
  // A driver's write inside config(); what is not writable is ignored.
  virtual void write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;
  // Would the device work with exactly these features? Dependencies among its own bits; the
  // transport checks those of the rings (2.2.1, 2.2.2).
  virtual bool accepts(std::uint64_t features) const = 0;

  // The driver set DRIVER_OK.
  virtual void started() {}
  // The queue may have new buffers: the driver notified, or the device was started or resumed.
  virtual void notified(unsigned queue) = 0;
  // The queue was reset alone (2.6.1): nothing of it may be remembered.
  virtual void queue_reset(unsigned) {}
  // Everything that the driver did is forgotten; the medium stays (2.4). Also frees what was in
  // flight.
  virtual void reset() = 0;
  // As the machine was made: the medium too.
  virtual void power_on() = 0;

  // A host verb of the device (protocol/host_verbs.h), by its name. nullopt: not this device's.
  struct Answer {
    bool done = false;  // false: a bad argument
    std::uint64_t result = 0;
  };
  virtual bool has_verb(std::string_view) const { return false; }
  virtual Answer act(std::string_view, std::span<const std::uint64_t>) { return {}; }

  // Once, by the transport, before anything else. It outlives the device's last call.
  void attach(DeviceHost& host) { host_ = &host; }

 protected:
  DeviceHost& host() const { return *host_; }

 private:
  DeviceHost* host_ = nullptr;
};

}  // namespace hypervet::devices
