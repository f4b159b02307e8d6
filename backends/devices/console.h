// SPDX-License-Identifier: Apache-2.0
// The console device (virtio 1.4, 5.3): ports of an input and an output queue each, the control
// queues that announce them, a size, and emergency write. The other side of every port is a pair of
// byte queues in the model, reached by host verbs.
//
// Bounds: a port keeps the last kKept bytes of its output and takes no more input than that; while
// kMaxControl messages wait for control buffers, no control message of the driver is looked at.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "backends/devices/device.h"
#include "backends/devices/queue.h"

namespace hypervet::devices {

// Events of control messages, 5.3.6.2.
enum class ConsoleEvent : std::uint16_t {
  kDeviceReady = 0,
  kDeviceAdd = 1,
  kDeviceRemove = 2,
  kPortReady = 3,
  kConsolePort = 4,
  kResize = 5,
  kPortOpen = 6,
  kPortName = 7,
};

class Console final : public Device {
 public:
  static constexpr unsigned kMaxPorts = 4;  // max_nr_ports
  static constexpr std::size_t kKept = 64 * 1024;
  static constexpr std::size_t kMaxControl = 64;

  static constexpr unsigned kSize = 0, kMultiport = 1, kEmergencyWrite = 2;  // features, 5.3.3

  Console();

  std::uint32_t id() const override { return 3; }
  std::uint64_t own_features() const override {
    return bit(kSize) | bit(kMultiport) | bit(kEmergencyWrite);
  }
  unsigned queue_count() const override { return 2 * (kMaxPorts + 1); }
  std::uint16_t queue_size_max(unsigned) const override { return 128; }
  std::span<const std::uint8_t> config() const override { return config_; }
  void write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;
  bool accepts(std::uint64_t) const override { return true; }

  void started() override;
  void notified(unsigned queue) override;
  void reset() override;
  void power_on() override;

  bool has_verb(std::string_view name) const override;
  Answer act(std::string_view name, std::span<const std::uint64_t> arguments) override;

 private:
  struct Port {
    bool plugged = false;
    bool host_open = true;
    std::string_view name;  // UTF-8; empty: none
    std::deque<std::uint8_t> input;
    std::deque<std::uint8_t> output;
    // What the driver did:
    bool added = false;  // DEVICE_ADD was sent and no DEVICE_REMOVE since
    bool ready = false;
    bool guest_open = false;
  };

  bool multiport() const { return host().negotiated(kMultiport); }
  void print(Port& port, std::span<const std::uint8_t> bytes);
  void take_output(unsigned port);
  void give_input(unsigned port);
  void take_control();
  void obey(std::uint32_t port, ConsoleEvent event, std::uint16_t value);
  void add_port(unsigned port);
  void port_ready(unsigned port);
  void say(std::uint32_t port, ConsoleEvent event, std::uint16_t value,
           std::span<const std::uint8_t> more = {});
  void say_size(unsigned port);
  void send_control();

  Answer input(std::uint64_t address, std::uint64_t size);
  Answer output(std::uint64_t address, std::uint64_t size);
  Answer resize(std::uint64_t columns, std::uint64_t rows);
  Answer plug(std::uint64_t port, std::uint64_t plugged);
  Answer open(std::uint64_t open);

  std::array<std::uint8_t, 12> config_{};  // cols, rows, max_nr_ports, emerg_wr
  std::array<Port, kMaxPorts> ports_;
  unsigned selected_ = 0;
  bool driver_ready_ = false;
  std::deque<std::vector<std::uint8_t>> control_;  // messages for which no buffer was there yet
};

}  // namespace hypervet::devices
